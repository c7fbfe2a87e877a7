/* The report as one HTML page: no scripts, nothing from elsewhere; the plot is SVG. */
#include "check/report.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "onnxport/onnxport.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1c2230;--soft:#5b6473;--line:#d9dee7;--back:#fff;"
	"--card:#f5f7fa;--abs:#2563c9;--rel:#c2570c;--good:#1a7f4b;--bad:#c02626}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#343c4a;"
	"--back:#14181f;--card:#1d232d;--abs:#6ea3ff;--rel:#ff9d5c;--good:#4cc38a;--bad:#ff7b7b}}"
	"body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}"
	"main{max-width:1040px;margin:0 auto;padding:28px 20px 60px}"
	"h1{font-size:26px;margin:0}h2{font-size:20px;margin:40px 0 12px;font-family:ui-monospace,"
	"monospace}h3{font-size:15px;margin:28px 0 8px}p{margin:6px 0}.soft{color:var(--soft)}"
	".verdict{border-left:4px solid var(--good);background:var(--card);padding:8px 14px;"
	"border-radius:4px;margin:14px "
	"0;overflow-wrap:anywhere}.verdict.bad{border-color:var(--bad)}"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}"
	".tile{background:var(--card);border-radius:6px;padding:10px 14px}"
	".tile b{display:block;font-size:20px;font-weight:600}.tile span{color:var(--soft);"
	"font-size:13px}table{border-collapse:collapse;width:100%;font-size:14px}"
	"th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line)}"
	"th{color:var(--soft);font-weight:500}.n{text-align:right;font-variant-numeric:tabular-"
	"nums}"
	"td.name{font-family:ui-monospace,monospace;font-size:13px;overflow-wrap:anywhere}"
	".wide{overflow-x:auto}svg{display:block;width:100%;min-width:640px;height:auto}"
	"svg text{fill:var(--soft);font:11px system-ui,sans-serif}.grid{stroke:var(--line)}"
	".band{fill:var(--card)}.abs{stroke:var(--abs);fill:none}.rel{stroke:var(--rel);fill:none}"
	"circle.abs{fill:var(--abs);stroke:none}circle.rel{fill:var(--rel);stroke:none}"
	".limit{stroke:var(--bad);stroke-dasharray:6 4}.bar{background:var(--abs);height:10px;"
	"border-radius:2px;min-width:2px}summary{cursor:pointer;margin:10px 0;color:var(--soft)}"
	".good{color:var(--good)}.wrong{color:var(--bad)}.key{display:inline-block;width:14px;"
	"height:3px;margin:0 6px 3px 0;vertical-align:middle}.key:nth-of-type(2){margin-left:18px}";

/* ---- Pieces ---- */

static void add_escaped(text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
			text_add(t, "&#%d;", *s);
		else
			text_add(t, "%c", *s);
	}
}

/* 12345678 → 12,345,678 */
static void add_grouped(text *t, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++)
		text_add(t, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

static void add_bytes(text *t, uint64_t n)
{
	static const char *const unit[] = { "bytes", "kB", "MB", "GB", "TB" };
	double x = (double)n;
	int i = 0;

	for (; x >= 1000 && i < 4; i++)
		x /= 1000;
	text_add(t, i ? "%.1f %s" : "%.0f %s", x, unit[i]);
}

static void add_cell(text *t, double x)
{
	text_add(t, "<td class=n>%.3g</td>", x);
}

/* The difference in proportion to the largest value. */
static double relative(double most, double largest)
{
	return most == 0 ? 0 : most / largest;
}

static void open_tile(text *t)
{
	text_add(t, "<div class=tile><b>");
}

static void close_tile(text *t, const char *name)
{
	text_add(t, "</b><span>%s</span></div>\n", name);
}

/* ---- The plot ---- */

enum { WIDTH = 1000, HEIGHT = 400, LEFT = 62, RIGHT = 14, TOP = 14, BOTTOM = 96 };

typedef struct plot {
	text *t;
	const report_graph *r;
	int low, high; /* decades; a difference of zero stands at the lowest */
} plot;

static double at_x(const plot *p, double i)
{
	return LEFT + (i + 0.5) * (WIDTH - LEFT - RIGHT) / p->r->layers;
}

static double at_y(const plot *p, double x)
{
	double exponent = x > 0 ? log10(x) : p->low;

	if (isnan(x) || exponent > p->high)
		exponent = p->high;
	if (exponent < p->low)
		exponent = p->low;
	return TOP + (p->high - exponent) * (HEIGHT - TOP - BOTTOM) / (p->high - p->low);
}

static double absolute_of(const layer *l)
{
	return l->absolute;
}

static double relative_of(const layer *l)
{
	return relative(l->absolute, l->largest);
}

/* The decades that all numbers lie in. */
static void find_range(plot *p)
{
	double least = p->r->atol, most = p->r->atol;

	for (int i = 0; i < p->r->layers; i++) {
		const double both[] = { absolute_of(&p->r->layer[i]),
					relative_of(&p->r->layer[i]) };

		for (int k = 0; k < 2; k++) {
			if (!(both[k] > 0) || isinf(both[k]))
				continue;
			least = fmin(least, both[k]);
			most = fmax(most, both[k]);
		}
	}
	p->low = (int)floor(log10(least)) - 1;
	p->high = (int)ceil(log10(most));
	if (p->high - p->low < 3)
		p->high = p->low + 3;
}

static const char *short_path(const report_graph *r, const char *path)
{
	size_t n = r->prefix ? strlen(r->prefix) : 0;

	return n && strncmp(path, r->prefix, n) == 0 && path[n] == '.' ? path + n + 1 : path;
}

/* Up to the first number ("encoder.layer.3"), or the first name: what is one band of the plot. */
static int band_length(const char *path)
{
	int first = (int)strcspn(path, ".");

	for (const char *p = path; *p;) {
		int n = (int)strcspn(p, ".");

		if (n && isdigit((unsigned char)*p))
			return (int)(p - path) + n;
		p += n + (p[n] == '.');
	}
	return first;
}

static void add_bands(const plot *p)
{
	const report_graph *r = p->r;
	double last = -100;

	for (int i = 0, shaded = 0; i < r->layers; shaded = !shaded) {
		const char *path = short_path(r, r->layer[i].value->scope);
		int n = band_length(path), first = i;
		double left = at_x(p, first - 0.5), middle;

		while (i < r->layers) {
			const char *next = short_path(r, r->layer[i].value->scope);

			if (band_length(next) != n || strncmp(next, path, (size_t)n) != 0)
				break;
			i++;
		}
		if (shaded)
			text_add(p->t,
				 "<rect class=band x=%.1f y=%d width=%.1f height=%d></rect>\n",
				 left, TOP, at_x(p, i - 0.5) - left, HEIGHT - TOP - BOTTOM);
		middle = (left + at_x(p, i - 0.5)) / 2;
		if (middle - last < 16)
			continue;
		last = middle;
		text_add(p->t,
			 "<text text-anchor=end transform=\"translate(%.1f %d) rotate(-38)\">",
			 middle + 4, HEIGHT - BOTTOM + 16);
		for (int k = 0; k < n; k++)
			add_escaped(p->t, (char[]){ path[k], 0 });
		text_add(p->t, "</text>\n");
	}
}

static void add_scale(const plot *p)
{
	int step = (p->high - p->low + 11) / 12;

	for (int e = p->low; e <= p->high; e += step) {
		double y = at_y(p, pow(10, e));

		text_add(p->t,
			 "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f></line>"
			 "<text text-anchor=end x=%d y=%.1f>",
			 LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4);
		text_add(p->t, e == p->low ? "0" : "1e%d", e);
		text_add(p->t, "</text>\n");
	}
	text_add(p->t,
		 "<line class=limit x1=%d x2=%d y1=%.1f y2=%.1f></line>"
		 "<text x=%d y=%.1f text-anchor=end>atol %g</text>\n",
		 LEFT, WIDTH - RIGHT, at_y(p, p->r->atol), at_y(p, p->r->atol), WIDTH - RIGHT - 4,
		 at_y(p, p->r->atol) - 5, p->r->atol);
}

static void add_series(const plot *p, const char *name, double (*of)(const layer *l))
{
	text_add(p->t, "<polyline class=%s stroke-width=1.5 points=\"", name);
	for (int i = 0; i < p->r->layers; i++)
		text_add(p->t, "%.1f,%.1f ", at_x(p, i), at_y(p, of(&p->r->layer[i])));
	text_add(p->t, "\"></polyline>\n");
	for (int i = 0; i < p->r->layers; i++) {
		const layer *l = &p->r->layer[i];

		text_add(p->t, "<circle class=%s cx=%.1f cy=%.1f r=2.6><title>", name, at_x(p, i),
			 at_y(p, of(l)));
		add_escaped(p->t, l->value->scope);
		text_add(p->t, " (%s): absolute %.3g, relative %.3g</title></circle>\n",
			 op_name(l->value->op), l->absolute, relative_of(l));
	}
}

static void add_plot(text *t, const report_graph *r)
{
	plot p = { .t = t, .r = r };

	text_add(t,
		 "<h3>Along the depth</h3>\n"
		 "<p class=soft>Per layer, in the order of computation, over all input sets: the "
		 "largest difference between the reference and the ONNX run. The layers are taken "
		 "from a copy of the file that also gives them as outputs, where a runtime merges "
		 "fewer operators than in the file itself.</p>\n"
		 "<p class=soft><span class=key style=\"background:var(--abs)\"></span>absolute"
		 "<span class=key style=\"background:var(--rel)\"></span>relative to the layer's "
		 "largest value</p>\n");
	if (!r->layers) {
		text_add(t, "<p>The graph has no layers to show.</p>\n");
		return;
	}
	find_range(&p);
	text_add(t,
		 "<div class=wide><svg viewBox=\"0 0 %d %d\" role=img aria-label=\"differences per "
		 "layer\">\n",
		 WIDTH, HEIGHT);
	add_bands(&p);
	add_scale(&p);
	add_series(&p, "rel", relative_of);
	add_series(&p, "abs", absolute_of);
	text_add(t, "</svg></div>\n");
}

static void add_layers(text *t, const report_graph *r)
{
	text_add(t,
		 "<details><summary>All %d layers in numbers</summary><div class=wide><table>"
		 "<tr><th>layer<th>operation<th class=n>absolute<th class=n>relative<th class=n>"
		 "largest value</tr>\n",
		 r->layers);
	for (int i = 0; i < r->layers; i++) {
		const layer *l = &r->layer[i];

		text_add(t, "<tr class=layer><td class=name>");
		add_escaped(t, short_path(r, l->value->scope));
		text_add(t, "</td><td>%s</td>", op_name(l->value->op));
		add_cell(t, l->absolute);
		add_cell(t, relative_of(l));
		add_cell(t, l->largest);
		text_add(t, "</tr>\n");
	}
	text_add(t, "</table></div></details>\n");
}

/* ---- The rest of a graph's part ---- */

static void add_outputs(text *t, const report_graph *r)
{
	text_add(t, "<h3>Outputs</h3>\n<div class=wide><table><tr><th>output<th>shape<th class=n>"
		    "absolute<th class=n>relative<th class=n>largest value<th>verdict</tr>\n");
	for (int i = 0; i < r->g->outputs; i++) {
		const output_difference *d = &r->validation->output[i];
		text shape = { 0 };

		value_shape_text(r->g->output[i].x, &shape);
		text_add(t, "<tr class=output><td class=name>");
		add_escaped(t, r->g->output[i].name);
		text_add(t, "</td><td class=name>");
		add_escaped(t, shape.s ? shape.s : "");
		text_add(t, "</td>");
		add_cell(t, d->most);
		add_cell(t, relative(d->most, d->largest));
		add_cell(t, d->largest);
		text_add(t, "<td class=%s>%s</td></tr>\n", d->differs ? "wrong" : "good",
			 d->differs ? "differs" : "within atol");
		t->failed |= shape.failed;
		text_free(&shape);
	}
	text_add(t, "</table></div>\n");
}

static void add_figures(text *t, const report_graph *r)
{
	int64_t nodes = 0;

	for (int i = 0; i < r->node_types; i++)
		nodes += r->nodes[i].n;
	text_add(t, "<div class=tiles>\n");
	open_tile(t);
	add_grouped(t, (uint64_t)nodes);
	close_tile(t, "nodes");
	open_tile(t);
	add_grouped(t, (uint64_t)r->parameters);
	close_tile(t, "parameters");
	open_tile(t);
	add_bytes(t, r->bytes);
	close_tile(t, "on disk");
	open_tile(t);
	text_add(t, "%d", r->ties);
	close_tile(t, "tied tensors");
	open_tile(t);
	text_add(t, "%lld", (long long)r->opset);
	close_tile(t, "opset");
	open_tile(t);
	text_add(t, "%d", r->validation->sets);
	close_tile(t, "input sets");
	text_add(t, "</div>\n");
}

static void add_nodes(text *t, const report_graph *r)
{
	text_add(t, "<h3>Nodes by type</h3>\n<table>\n");
	for (int i = 0; i < r->node_types; i++) {
		text_add(t, "<tr class=node><td class=name style=\"width:16em\">");
		add_escaped(t, r->nodes[i].name);
		text_add(t,
			 "</td><td class=n style=\"width:4em\">%lld</td><td><div class=bar "
			 "style=\"width:%.1f%%\"></div></td></tr>\n",
			 (long long)r->nodes[i].n,
			 100.0 * (double)r->nodes[i].n / (double)r->nodes->n);
	}
	text_add(t, "</table>\n");
}

static void add_tied(text *t, const report_graph *r)
{
	text_add(t, "<h3>Tied tensors</h3>\n");
	if (!r->ties) {
		text_add(t, "<p class=soft>None: every parameter is taken by one operation.</p>\n");
		return;
	}
	text_add(t, "<p class=soft>Taken by several operations, stored once.</p>\n<div class=wide>"
		    "<table><tr><th>tensor<th class=n>bytes<th class=n>taken by</tr>\n");
	for (int i = 0; i < r->ties; i++) {
		text_add(t, "<tr class=tied><td class=name>");
		add_escaped(t, r->tied[i].name);
		text_add(t, "</td><td class=n>");
		add_grouped(t, r->tied[i].bytes);
		text_add(t, "</td><td class=n>%d</td></tr>\n", r->tied[i].uses);
	}
	text_add(t, "</table></div>\n");
}

/* ---- The page ---- */

void report_start(text *t, const char *model, const char *type, const char *feature,
		  const char *runtime)
{
	text_add(t, "<!doctype html>\n<html lang=en>\n<head><meta charset=utf-8>"
		    "<meta name=viewport content=\"width=device-width\"><title>");
	add_escaped(t, model);
	text_add(t, " as ONNX</title>\n<style>%s</style></head>\n<body><main>\n<h1>", style);
	add_escaped(t, model);
	text_add(t, "</h1>\n<p class=soft>");
	add_escaped(t, type);
	text_add(t, ", ");
	add_escaped(t, feature);
	text_add(t, "; reference executor against ");
	add_escaped(t, runtime);
	text_add(t, "; onnxport %s</p>\n", OXP_VERSION);
}

void report_add(text *t, const report_graph *r)
{
	text_add(t, "<section>\n<h2>");
	add_escaped(t, r->file);
	text_add(t, "</h2>\n<p class=\"verdict%s\">", r->verdict ? " bad" : "");
	if (r->verdict)
		add_escaped(t, r->verdict);
	else
		text_add(t, "All outputs are within the tolerance (atol %g, rtol 1e-05).", r->atol);
	text_add(t, "</p>\n");
	add_figures(t, r);
	add_outputs(t, r);
	add_plot(t, r);
	add_layers(t, r);
	add_nodes(t, r);
	add_tied(t, r);
	text_add(t, "</section>\n");
}

void report_end(text *t)
{
	text_add(t, "</main></body></html>\n");
}
