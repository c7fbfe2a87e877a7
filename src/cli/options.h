/* options.h: the command line as one table: flag, what it takes, where it goes, what --help says.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "onnxport/onnxport.h"

enum command { COMMAND_EXPORT, COMMAND_FEATURES, COMMAND_DESCRIBE, COMMAND_HELP, COMMAND_VERSION };

typedef struct options {
	enum command command;
	const char *model, *output;
	const char *preprocessor;
	oxp_options export;
	int quiet, verbose, json;
} options;

/* 0, or 2 after saying on stderr what is wrong. */
int options_read(options *o, int argc, char **argv);
void options_help(void);

#endif
