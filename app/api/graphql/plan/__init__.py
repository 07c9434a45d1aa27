"""Compiled reads: a valid query becomes selections once, and from then on bytes go from the database to the caller.

    document + booleans of @skip/@include                          variables of a request
            │                                                            │
            ▼  collecting.py                                             ▼  arguments.py
    uses of fields, merged, fragments gone  ──── those with arguments ──► what they ask for: a shape and its values
            │                                                            │
            └──────────────┬─────────────────────────────────────────────┘
                           ▼  selecting.py (forms.py: how a leaf is written)
              Selection or Page of each root field      one for each shape: which filters are given, order, page size
                           ▼  Reads.prepare  (app/adapters/db/reads)
                     PreparedRead(values, caller) ──► bytes ──► {"data": {"key": bytes, …}}   plans.py

What is not covered (a field with a resolver, introspection, a column that the catalogue lacks) gives no plan, and what
fails in a plan gives no bytes: both run on Strawberry's own executor, which is always right, only slower.
"""
