/* How fast can the rows of some tables be read and written at all?
 *
 * add_one adds 1 to every number of the given distinct rows of each table: the least
 * that any update of those rows must do to memory. add_gradient adds up the gradient's
 * rows of each distinct row first, as any update from a gradient per lookup must, and
 * adds that sum to the row of each table. Rows are divided among the threads; a row
 * some places ahead is fetched early, which hides most of the latency. */

#include <stdint.h>

static void fetch_ahead(float **tables, int num_tables, const int64_t *rows, int64_t k,
                        int64_t num_units)
{
    for (int t = 0; t < num_tables; t++) {
        const float *next = tables[t] + rows[k] * num_units;
        for (int64_t j = 0; j < num_units; j += 16)
            __builtin_prefetch(next + j, 1);
    }
}

void add_one(float **tables, int num_tables, const int64_t *rows, int64_t num_rows,
             int64_t num_units, int ahead)
{
    #pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < num_rows; k++) {
        if (ahead && k + ahead < num_rows)
            fetch_ahead(tables, num_tables, rows, k + ahead, num_units);
        for (int t = 0; t < num_tables; t++) {
            float *row = tables[t] + rows[k] * num_units;
            for (int64_t j = 0; j < num_units; j++)
                row[j] += 1.0f;
        }
    }
}

/* lookups[offsets[k]] to lookups[offsets[k + 1] - 1] are the rows of the gradient that
 * belong to rows[k]. Rows go to the threads in small parts: a frequent one weighs more. */
void add_gradient(float **tables, int num_tables, const int64_t *rows, int64_t num_rows,
                  int64_t num_units, int ahead, const float *gradient,
                  const int64_t *lookups, const int64_t *offsets)
{
    #pragma omp parallel for schedule(dynamic, 8)
    for (int64_t k = 0; k < num_rows; k++) {
        float sum[num_units];
        if (ahead && k + ahead < num_rows)
            fetch_ahead(tables, num_tables, rows, k + ahead, num_units);
        for (int64_t j = 0; j < num_units; j++)
            sum[j] = 0;
        for (int64_t p = offsets[k]; p < offsets[k + 1]; p++) {
            const float *part = gradient + lookups[p] * num_units;
            for (int64_t j = 0; j < num_units; j++)
                sum[j] += part[j];
        }
        for (int t = 0; t < num_tables; t++) {
            float *row = tables[t] + rows[k] * num_units;
            for (int64_t j = 0; j < num_units; j++)
                row[j] += sum[j];
        }
    }
}
