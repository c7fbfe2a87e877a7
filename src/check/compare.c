#include <math.h>

#include "check/check.h"

static double element(const array *a, int64_t i)
{
	if (a->type == OXP_F32)
		return (double)((const float *)a->data)[i];
	if (a->type == OXP_I64)
		return (double)((const int64_t *)a->data)[i];
	return ((const uint8_t *)a->data)[i];
}

double larger(double a, double b)
{
	return isnan(a) || a >= b ? a : b;
}

difference compare(const array *reference, const array *found, double rtol, double atol)
{
	difference d = { .worst = -1 };
	int64_t count = array_count(reference);
	double worst = 0;

	for (int64_t i = 0; i < count; i++) {
		double a = element(reference, i), b = element(found, i), diff = fabs(a - b);
		double over = diff - (atol + rtol * fabs(b));

		d.largest = larger(d.largest, fabs(a));
		if (a == b) /* also the same infinity */
			continue;
		d.most = larger(d.most, diff);
		if (isnan(diff) || (over > 0 && over > worst)) {
			worst = isnan(diff) ? INFINITY : over;
			d.worst = i;
		}
	}
	return d;
}
