/* How fast can the rows of some tables be read and written at all?
 *
 * Adds 1 to every number of the given distinct rows of each table: the least that any
 * update of those rows must do to memory. Rows are divided among the threads; a row
 * some places ahead is fetched early, which is what hides most of the latency. */

#include <stdint.h>

void add_one(float **tables, int num_tables, const int64_t *rows, int64_t num_rows,
             int64_t num_units, int ahead)
{
    #pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < num_rows; k++) {
        if (ahead && k + ahead < num_rows)
            for (int t = 0; t < num_tables; t++) {
                const float *next = tables[t] + rows[k + ahead] * num_units;
                for (int64_t j = 0; j < num_units; j += 16)
                    __builtin_prefetch(next + j, 1);
            }
        for (int t = 0; t < num_tables; t++) {
            float *row = tables[t] + rows[k] * num_units;
            for (int64_t j = 0; j < num_units; j++)
                row[j] += 1.0f;
        }
    }
}
