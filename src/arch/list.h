/* The architectures, one row each. A row is here only when its golden tests pass. */
/* clang-format off */
ARCH(albert)
ARCH(bert)
ARCH(camembert)
ARCH(data2vec_text)
ARCH(distilbert)
ARCH(electra)
ARCH(ernie)
ARCH(roberta)
ARCH(xlm_roberta_xl)
