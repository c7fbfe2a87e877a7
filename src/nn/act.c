/* The activation functions of Transformers: activations.py of 4.57.6. */
#include <math.h>

#include "nn/nn.h"

static value *times(value *x, double k)
{
	return op_mul(x, op_num(graph_of(x), k));
}

static value *plus(value *x, double k)
{
	return op_add(x, op_num(graph_of(x), k));
}

static value *laplace(value *x)
{
	double mu = 0.707107, sigma = 0.282095;

	x = times(plus(x, -mu), 1 / (sigma * sqrt(2)));
	return times(plus(op_erf(x), 1), 0.5);
}

static value *relu_squared(value *x)
{
	x = op_relu(x);
	return op_mul(x, x);
}

value *oxp_nn_act(scope s, const char *name, oxp_act act, value *x)
{
	switch (act) {
	case OXP_ACT_GELU:
	case OXP_ACT_GELU_PYTHON:
		return op_gelu(x);
	case OXP_ACT_GELU_10:
		return op_clip(op_gelu(x), -10, 10);
	case OXP_ACT_GELU_FAST:
	case OXP_ACT_GELU_NEW:
	case OXP_ACT_GELU_PYTORCH_TANH:
	case OXP_ACT_GELU_PYTHON_TANH:
	case OXP_ACT_GELU_ACCURATE:
		return op_gelu_tanh(x);
	case OXP_ACT_LAPLACE:
		return laplace(x);
	case OXP_ACT_LEAKY_RELU:
		return op_leaky_relu(x, 0.01);
	case OXP_ACT_MISH:
		return op_mul(x, op_tanh(op_softplus(x)));
	case OXP_ACT_PRELU:
		return op_prelu(x, PARAM(at(s, "%s", name), "weight", 1));
	case OXP_ACT_QUICK_GELU:
		return op_mul(x, op_sigmoid(times(x, 1.702)));
	case OXP_ACT_RELU:
		return op_relu(x);
	case OXP_ACT_RELU2:
		return relu_squared(x);
	case OXP_ACT_RELU6:
		return op_clip(x, 0, 6);
	case OXP_ACT_SIGMOID:
		return op_sigmoid(x);
	case OXP_ACT_SILU:
	case OXP_ACT_SWISH:
		return op_mul(x, op_sigmoid(x));
	case OXP_ACT_TANH:
		return op_tanh(x);
	case OXP_ACT_LINEAR:
	case OXP_ACT_NONE:
		break;
	}
	return x;
}
