"""The files that a live run writes: journals of JSON lines, and objects stored by their digest.

Each process writes a journal of its own, so no lock between processes is needed. A line is one record, written at once.
The first journal of a run is ``<project>.<run>.jsonl``; its creation reserves the reference. Every other process of the
run writes ``<project>.<run>.<pid>-<hex>.jsonl``, created with its first record.

Each record has ``s`` (a serial number), ``t`` (the type) and ``at`` (microseconds since 1970 UTC, never decreasing).
The other keys depend on the type:

====================  =====================================================================================
``run``               first record of a run: run, optionally name and project_name (left out where they are the last and
                      the first component of run), part_of (the run in whose process it began), number (which run of
                      its process it is, from 2 on), and the process (see processes.identity)
``join``              first record of another process of the run: run, rank, heir (true where it continues, as a daemon,
                      what the first process began), and the process
``environment``       the first one of a process: digest (of the object with the body), optionally of (the beginning of
                      the digest without the facts that are looked up later; the run tells environments apart by it).
                      Later ones: end (digest of the object with the facts that are known only after the start),
                      optionally digest (of the body with the facts that were looked up)
``stage``             stage, name, order
``stage-end``         stage, status
``metric``            k (key), optionally g (stage), r (rank) and o (``output``: read from it), x (value), optionally i
                      (step)
``param``             k, x (any JSON value), optionally o (where the recorder read it)
``tag``               k, x (text)
``name``              name: the name of the run from now on
``artifact``          name, kind, location, digest, size, attributes
``fact``              name and value, or facts (several by name): about the run and not part of its environment
``note``              topic, text
``exec``              the process becomes another program; the last record, if it does
``lost``              count, why, first (what the first of them was): records that were not written
``end``               last record of a run: status, optionally failure {type, message, traceback}
``close``             last record of another process; status where the program set one, optionally failure
====================  =====================================================================================
"""
