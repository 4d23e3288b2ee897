"""measure.py - run the cases in turn and print what they cost (see run)

Per run: wall time; CPU time of the command with all it started (client) and
of the server (its backends, the finished ones too); the largest resident
size of one process; the bytes of the result; how busy others kept the
machine meanwhile, in cores. A ratio is the median over the rounds of this
case's wall time against the base's in the same round.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time

GROUPS = [
    ('dump', [
        # name, prepare, command, what to weigh
        ('pg_dump | gzip', '',
         'pg_dump medtranslate | gzip >$OUT/a.sql.gz', 'a.sql.gz'),
        ('pg_dump | igzip -1', '',
         'pg_dump medtranslate | igzip -1 >$OUT/igzip.gz', 'igzip.gz'),
        ('pg_dump | zstd -1 -T2', '',
         'pg_dump medtranslate | zstd -q -1 -T2 -f -o $OUT/a.zst', 'a.zst'),
        ('pg_dump -Fd -j2 -Z1', 'rm -rf $OUT/a.fd',
         'pg_dump -Fd -j2 -Z1 -f $OUT/a.fd medtranslate', 'a.fd'),
        ('pgk-dump -j2', '',
         'pgk-dump -q -j2 --no-encrypt -o $OUT/pgk.sql.gz medtranslate',
         'pgk.sql.gz'),
        ('pgk-dump -j2 -Z zstd', '',
         'pgk-dump -q -j2 --no-encrypt -Z zstd -o $OUT/pgk.zst medtranslate',
         'pgk.zst'),
        ('pgk-dump -j2 -r', '',
         'pgk-dump -q -j2 -r $RECIPIENT -o $OUT/pgk.age medtranslate',
         'pgk.age'),
    ]),
    ('restore', [
        ('gunzip | psql', 'fresh',
         'gunzip -c $OUT/a.sql.gz | psql -qX -v ON_ERROR_STOP=1 -d r >/dev/null',
         None),
        ('pg_restore -j2', 'fresh',
         'pg_restore -j2 -d r $OUT/a.fd', None),
        # the same work as theirs; and then with what it does by itself
        ('pgk-restore -j2', 'fresh',
         'pgk-restore -q -j2 --no-analyze $OUT/pgk.sql.gz -d r', None),
        ('pgk-restore -j2 -i', 'fresh',
         'pgk-restore -q -j2 --no-analyze -i $IDENTITY $OUT/pgk.age -d r',
         None),
        ('  and ANALYZE', 'fresh',
         'pgk-restore -q -j2 $OUT/pgk.sql.gz -d r', None),
    ]),
]
FRESH = 'dropdb --if-exists r 2>/dev/null; createdb -T template0 r'
# the bars of make bench: text, case, base, least ratio
BARS = [
    ('pgk-dump against the script', 'pgk-dump -j2', 'pg_dump | gzip', 6.0),
    ('pgk-dump against igzip', 'pgk-dump -j2', 'pg_dump | igzip -1', 1.0),
    ('pgk-dump against zstd', 'pgk-dump -j2', 'pg_dump | zstd -1 -T2', 1.0),
    ('pgk-dump against -Fd', 'pgk-dump -j2', 'pg_dump -Fd -j2 -Z1', 1.0),
    ('encryption', 'pgk-dump -j2 -r', 'pgk-dump -j2', 1 / 1.2),
    ('pgk-restore against psql', 'pgk-restore -j2', 'gunzip | psql', 1.5),
    ('pgk-restore against pg_restore', 'pgk-restore -j2', 'pg_restore -j2', 1.0),
]
FIELDS = ('wall', 'client', 'server', 'rss', 'bytes', 'other')
TICK = os.sysconf('SC_CLK_TCK')


def stat(pid):
    """parent, session, own CPU, own and reaped children's CPU; or None"""
    try:
        with open(f'/proc/{pid}/stat') as f:
            x = f.read().rsplit(')', 1)[1].split()
    except OSError:
        return None
    return int(x[1]), int(x[3]), int(x[11]) + int(x[12]), \
        sum(int(i) for i in x[11:15])


def processes():
    return [int(p) for p in os.listdir('/proc') if p.isdigit()]


def server_cpu(postmaster):
    total = stat(postmaster)[3]
    for p in processes():
        s = stat(p)
        if s is not None and s[0] == postmaster:
            total += s[2]
    return total / TICK


def machine_cpu():
    with open('/proc/stat') as f:
        x = [int(i) for i in f.readline().split()[1:]]
    return (sum(x[:3]) + x[5] + x[6] + x[7]) / TICK


class Largest(threading.Thread):
    """The largest resident size any process of a session reaches, in kB."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.size, self.over = session, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            for p in processes():
                s = stat(p)
                if s is None or s[1] != self.session:
                    continue
                try:
                    with open(f'/proc/{p}/status') as f:
                        m = re.search(r'VmHWM:\s+(\d+)', f.read())
                except OSError:
                    continue
                if m:
                    self.size = max(self.size, int(m[1]))


def shell(command):
    subprocess.run(['bash', '-c', 'set -eo pipefail\n' + command], check=True,
                   stdin=subprocess.DEVNULL)


def weigh(name):
    path = os.path.join(os.environ['OUT'], name)
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(path, f))
                   for f in os.listdir(path))
    return os.path.getsize(path)


def run_case(case, postmaster):
    name, prepare, command, result = case
    if prepare:
        shell(FRESH if prepare == 'fresh' else prepare)
    os.sync()
    server, machine = server_cpu(postmaster), machine_cpu()
    begun = time.monotonic()
    child = subprocess.Popen(['bash', '-c', 'set -eo pipefail\n' + command],
                             stdin=subprocess.DEVNULL, start_new_session=True)
    largest = Largest(child.pid)
    largest.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begun
    largest.over.set()
    machine = machine_cpu() - machine
    time.sleep(0.3)  # the postmaster reaps its backends
    server = server_cpu(postmaster) - server
    if status != 0:
        sys.exit(f'bench: {name}: exit status '
                 f'{os.waitstatus_to_exitcode(status)}')
    if result is None:
        check_rows()
    client = usage.ru_utime + usage.ru_stime
    return dict(wall=wall, client=client, server=server,
                rss=largest.size / 1024, bytes=weigh(result) if result else 0,
                other=max(0.0, (machine - client - server) / wall))


def check_rows():
    def count(database):
        return subprocess.check_output(
            ['psql', '-qXAtd', database, '-c', 'SELECT count(*) FROM messages'])
    if count('r') != count('medtranslate'):
        sys.exit('bench: the restore lost rows')


def ratio(runs, base, name):
    return statistics.median(b['wall'] / x['wall']
                             for b, x in zip(runs[base], runs[name]))


def table(group, runs, base):
    print(f'\n{group:<24}{"wall s":>9}{"least":>9}{"times":>8}{"client":>9}'
          f'{"server":>9}{"MB RSS":>9}{"MB out":>10}{"size":>8}{"others":>8}')
    size = statistics.median(x['bytes'] for x in runs[base])
    for name, list_ in runs.items():
        m = {f: statistics.median(x[f] for x in list_) for f in FIELDS}
        least = min(x['wall'] for x in list_)
        print(f'{name:<24}{m["wall"]:>9.2f}{least:>9.2f}'
              f'{ratio(runs, base, name):>8.2f}{m["client"]:>9.2f}'
              f'{m["server"]:>9.2f}{m["rss"]:>9.0f}{m["bytes"] / 1e6:>10.1f}'
              f'{m["bytes"] / size if size else 0:>8.3f}{m["other"]:>8.2f}')


def bars(runs):
    print('\nbars:')
    for text, name, base, least in BARS:
        if name in runs and base in runs:
            r = ratio(runs, base, name)
            print(f'  {"met   " if r >= least else "MISSED"}  {text}: '
                  f'{r:.2f} times (bar {least:.2f})')
    if 'pgk-dump -j2' in runs and 'pg_dump | gzip' in runs:
        r = runs['pgk-dump -j2'][0]['bytes'] / \
            runs['pg_dump | gzip'][0]['bytes']
        print(f'  {"met   " if r <= 1.25 else "MISSED"}  size against gzip: '
              f'{r:.3f} (bar 1.25)')
    most = max((x['rss'] for n, l in runs.items() if 'pgk' in n
                for x in l), default=0)
    print(f'  {"met   " if most <= 100 else "MISSED"}  memory of a pgk '
          f'process: {most:.0f} MB (bar 100)')


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--server', type=int, required=True)
    ap.add_argument('--rounds', type=int, default=3)
    ap.add_argument('--out', required=True)
    ap.add_argument('--only', default='')
    a = ap.parse_args()
    every = {}
    with open(a.out, 'w') as out:
        print('group', 'case', 'round', *FIELDS, sep='\t', file=out)
        for group, cases in GROUPS:
            base = cases[0][0]
            # restores need what the dumps have left
            chosen = [c for c in cases if a.only in c[0] or c[0] == base or
                      group == 'dump' and ('pgk' in c[0] or '-Fd' in c[0])]
            runs = {c[0]: [] for c in chosen}
            for r in range(a.rounds):
                for case in chosen[r % len(chosen):] + chosen[:r % len(chosen)]:
                    x = run_case(case, a.server)
                    runs[case[0]].append(x)
                    print(group, case[0], r, *(f'{x[f]:.3f}' for f in FIELDS),
                          sep='\t', file=out, flush=True)
                    print(f'  {case[0]:<24}{x["wall"]:8.2f} s', file=sys.stderr)
            table(group, runs, base)
            every.update(runs)
    bars(every)
    print(f'\nevery run: {a.out}')


main()
