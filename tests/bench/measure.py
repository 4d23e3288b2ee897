"""measure.py - runs the cases of a file in turn and tables what they cost

    measure.py --postmaster PID [--rounds N] [--output TSV] CASES [CASE]...
    measure.py CASES [CASE]...

A CASE is one of the file's, or a kind: all of that. Without a postmaster
nothing is measured, and it is only said what would be left out.

The cases take turns, A B C A B C, so that a slow minute of the machine falls
on all of them. Of each run is written down:

    wall      seconds
    user, sys CPU seconds of all processes of the command: the client's side
    server    CPU seconds of the postmaster and all its processes, those
              that have ended too
    rss       MiB of the largest process of the command, at its largest
              (what is smaller than this program is not seen: about 15)
    bytes     size of what was written
    other     processors that were busy with anything else, on average

Where "other" is far above 0, walls say little: trust CPU seconds, and the
least of several runs.
"""
import argparse
import configparser
import glob
import os
import shutil
import subprocess
import sys
import time

FIELDS = ('wall', 'user', 'sys', 'server', 'rss', 'bytes', 'other')
TICK = os.sysconf('SC_CLK_TCK')


class Failed(Exception):
    pass


def process_times(pid):
    """(parent, own CPU ticks, those of its reaped children), None if gone"""
    try:
        with open(f'/proc/{pid}/stat', encoding='latin-1') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
    except OSError:
        return None
    own = int(fields[11]) + int(fields[12])
    reaped = int(fields[13]) + int(fields[14])
    return int(fields[1]), own, reaped


def server_seconds(postmaster):
    times = process_times(postmaster)
    if times is None:
        raise Failed('the server is gone')
    total = times[1] + times[2]
    for name in os.listdir('/proc'):
        if name.isdigit():
            times = process_times(name)
            if times is not None and times[0] == postmaster:
                total += times[1]
    return total / TICK


def busy_seconds():
    """CPU seconds of the whole machine: all but idle, iowait and guests"""
    with open('/proc/stat', encoding='ascii') as stat:
        ticks = [int(x) for x in stat.readline().split()[1:]]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / TICK


def shell(commands):
    return subprocess.Popen(['bash', '-c', 'set -eo pipefail\n' + commands],
                            stdin=subprocess.DEVNULL)


def unmeasured(case, what):
    if what in case and shell(case[what]).wait() != 0:
        raise Failed(f'its "{what}" failed')


def size(patterns):
    total = 0
    for pattern in os.path.expandvars(patterns).split():
        total += sum(os.path.getsize(path)
                     for path in glob.glob(pattern, recursive=True)
                     if os.path.isfile(path))
    return total


def measure(case, postmaster):
    unmeasured(case, 'before')
    os.sync()
    server = server_seconds(postmaster)
    busy = busy_seconds()
    start = time.monotonic()
    process = shell(case['run'])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    busy = busy_seconds() - busy
    process.returncode = os.WEXITSTATUS(status)
    if status != 0:
        raise Failed(f'status {status >> 8 or status}')
    time.sleep(0.5)     # until the postmaster has reaped its backends
    server = server_seconds(postmaster) - server
    row = {
        'wall': wall, 'user': usage.ru_utime, 'sys': usage.ru_stime,
        'server': server, 'rss': usage.ru_maxrss / 1024,
        'bytes': size(case.get('size', '')),
        'other': max(0.0, (busy - usage.ru_utime - usage.ru_stime - server)
                     / wall),
    }
    unmeasured(case, 'after')
    return row


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return (values[half] + values[~half]) / 2


def summary(rows):
    line = {field: median([row[field] for row in rows]) for field in FIELDS}
    line['least'] = min(row['wall'] for row in rows)
    line['client'] = median([row['user'] + row['sys'] for row in rows])
    return line


def table(kind, lines):
    base = next(iter(lines.values()))
    width = max(len(name) for name in lines)
    print(f'\n{kind:{width}}   wall s  times   least  times  client s '
          'server s  RSS MiB       MB   size  other')
    for name, line in lines.items():
        written = (f'{line["bytes"] / 1e6:8.1f} '
                   f'{line["bytes"] / base["bytes"]:6.3f}'
                   if line['bytes'] and base['bytes'] else f'{"-":>8} {"-":>6}')
        print(f'{name:{width}} {line["wall"]:8.2f} '
              f'{base["wall"] / line["wall"]:6.2f} {line["least"]:7.2f} '
              f'{base["least"] / line["least"]:6.2f} {line["client"]:9.2f} '
              f'{line["server"]:8.2f} {line["rss"]:8.0f} {written} '
              f'{line["other"]:6.2f}')


def judge(case, line, lines):
    """(what a case has to reach, what it does reach, whether that is enough)"""
    base = next(iter(lines.values()))
    for bar in case.get('bars', '').strip().splitlines():
        least, other = bar.split(None, 1)
        if other in lines:
            times = lines[other]['wall'] / line['wall']
            yield (f'{least} times as fast as {other}', f'{times:.2f}',
                   times >= float(least))
    if 'larger' in case and base['bytes']:
        larger = line['bytes'] / base['bytes']
        yield (f'{case["larger"]} times the bytes at most', f'{larger:.3f}',
               larger <= float(case['larger']))
    if 'memory' in case:
        yield (f'{case["memory"]} MiB at most', f'{line["rss"]:.0f}',
               line['rss'] <= float(case['memory']))


def judgement(cases, kinds):
    print('\nbars')
    for kind, lines in kinds.items():
        for name, line in lines.items():
            case = cases[f'{kind}: {name}']
            for bar, reached, met in judge(case, line, lines):
                print(f'{"met   " if met else "MISSED"} {name}: {bar}: '
                      f'{reached}')


def read_cases(path, wanted):
    cases = configparser.ConfigParser(interpolation=None, delimiters='=',
                                      comment_prefixes=';')
    with open(path, encoding='utf-8') as file:
        cases.read_file(file)
    names = [] if wanted else cases.sections()
    for word in wanted:
        found = [name for name in cases.sections()
                 if word in (name, name.split(': ', 1)[0])]
        if not found:
            raise SystemExit(f'bench: no such case: "{word}"')
        names += found
    chosen = {}
    for name in names:
        lacks = [program for program in cases[name].get('needs', '').split()
                 if shutil.which(program) is None]
        version = int(cases[name].get('version', 0))
        if lacks:
            print(f'bench: {name}: left out, {lacks[0]} is not installed',
                  file=sys.stderr)
        elif version > int(os.environ.get('PG_MAJOR', version)):
            print(f'bench: {name}: left out, needs PostgreSQL {version}',
                  file=sys.stderr)
        else:
            chosen[name] = cases[name]
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--postmaster', type=int)
    parser.add_argument('--output')
    parser.add_argument('cases')
    parser.add_argument('wanted', nargs='*')
    args = parser.parse_args()
    cases = read_cases(args.cases, args.wanted)
    if args.postmaster is None:
        return 0

    results = {name: [] for name in cases}
    failed = 0
    output = open(args.output or os.devnull, 'w', encoding='utf-8')
    print('case', 'round', *FIELDS, sep='\t', file=output)
    for turn in range(1, args.rounds + 1):
        os.environ['ROUND'] = str(turn)  # for cases that must differ
        for name, case in cases.items():
            try:
                row = measure(case, args.postmaster)
            except Failed as error:
                failed += 1
                print(f'bench: {name}: {error}', file=sys.stderr)
                continue
            results[name].append(row)
            print(name, turn, *(f'{row[field]:.3f}' for field in FIELDS),
                  sep='\t', file=output, flush=True)
            print(f'bench: round {turn}: {name}: {row["wall"]:.2f} s',
                  file=sys.stderr)
    output.close()

    kinds = {}
    for name, rows in results.items():
        if rows:
            kind, case = name.split(': ', 1)
            kinds.setdefault(kind, {})[case] = summary(rows)
    for kind, lines in kinds.items():
        table(kind, lines)
    judgement(cases, kinds)
    print('\ntimes: how many times as fast as the first line, by the median'
          ' and by the least;\nother: processors busy with other work')
    return failed > 0


sys.exit(main())
