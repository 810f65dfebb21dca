/* SPDX-License-Identifier: MIT */
/* Schemas made at random, the same for the same seed. */
#pragma once

/*
 * The SQL that makes one. Of two of the same seed the second makes `change` of a hundred of its
 * decisions anew: with 0 both are the same, with 100 they have little in common. free() it.
 */
char *random_schema_sql(unsigned seed, unsigned change);
