#include <string.h>

#include "repo/repo_int.h"

#define README "RESTORE.txt"

static const char text[] =
"HOW TO RESTORE THESE BACKUPS WITHOUT PGK\n"
"\n"
"Everything here is a standard file. You need psql and one or two of gunzip,\n"
"zstd, age and b2sum; all are packages of every Linux distribution.\n"
"\n"
"    full/        one database each        snapshot/    a whole cluster\n"
"\n"
"A backup is NAME.json and the files NAME.* beside it, for example\n"
"medtranslate_full_20250127_030000.json and ....sql.gz. Files without a .json\n"
"were not finished, or are not pgk's. The .json is text: it says when the\n"
"backup was taken (\"start\", in UTC), of which databases, with how many rows a\n"
"table, and for every file its size and sum. The newest backup is the one\n"
"with the latest \"start\". Times in file names are local times.\n"
"\n"
"1. CHECK A FILE\n"
"\n"
"    b2sum -l 256 NAME.sql.gz\n"
"\n"
"must print what the .json says as \"blake2b_256\" of that file. If there is a\n"
"NAME.json.minisig, the .json itself is checked with your public key:\n"
"\n"
"    minisign -V -p minisign.pub -m NAME.json\n"
"\n"
"2. RESTORE ONE DATABASE (full/)\n"
"\n"
"Make an empty database, then feed the file to psql. By the file's ending:\n"
"\n"
"    createdb -T template0 DB\n"
"    set -o pipefail                                  # in bash\n"
"\n"
"    .sql          psql -X -v ON_ERROR_STOP=1 -d DB -f NAME.sql\n"
"    .sql.gz       gunzip -c NAME.sql.gz | psql -X -v ON_ERROR_STOP=1 -d DB\n"
"    .sql.zst      zstd -dc NAME.sql.zst | psql -X -v ON_ERROR_STOP=1 -d DB\n"
"\n"
"If the ending is .age the file is encrypted and you need the identity file\n"
"(it begins with AGE-SECRET-KEY-1) or the passphrase. Decrypt it whole before\n"
"psql sees anything of it: age notices damage only when it gets there.\n"
"\n"
"    age -d -i IDENTITY -o NAME.sql.gz NAME.sql.gz.age\n"
"    age -d -o NAME.sql.gz NAME.sql.gz.age            # asks the passphrase\n"
"\n"
"then go on as above with NAME.sql.gz, and delete it afterwards.\n"
"\n"
"3. RESTORE A CLUSTER (snapshot/)\n"
"\n"
"Into a new, empty cluster, as its superuser. The file makes roles and\n"
"databases itself and connects to each:\n"
"\n"
"    gunzip -c NAME.sql.gz | psql -X -v ON_ERROR_STOP=1 -d postgres\n"
"\n"
"It says that the role you connect as exists already if that is so: leave out\n"
"-v ON_ERROR_STOP=1 then, and read what psql says. The roles have no passwords\n"
"yet. If there is a NAME.globals.sql.gz.age it holds their password hashes:\n"
"\n"
"    age -d -i IDENTITY NAME.globals.sql.gz.age | gunzip -c |\n"
"        psql -X -d postgres\n"
"\n"
"4. ONE TABLE ONLY\n"
"\n"
"Restore into a scratch database as in 2, then copy the table:\n"
"\n"
"    pg_dump -t SCHEMA.TABLE SCRATCH | psql -X -v ON_ERROR_STOP=1 -d DB\n"
"\n"
"5. AFTERWARDS\n"
"\n"
"    psql -X -d DB -c ANALYZE\n"
"\n"
"and compare the rows of your tables with the \"tables\" of the .json:\n"
"\n"
"    psql -X -d DB -c 'SELECT count(*) FROM SCHEMA.TABLE'\n"
"\n"
"With pgk itself: pgk-restore latest -d DB --create. See pgk(7).\n";

int
repo_put_readme(struct repo *r, struct err *e)
{
	struct err why = ERR_INIT;

	switch (repo_exists(r, README, e)) {
	case 1:
		return 0;
	case -1:
		return -1;
	}
	if (store_put_bytes(r->store, README, text, sizeof text - 1,
	    &why) == -1 && why.kind != ERR_BUSY) /* another run was first */
		return err_pass(e, &why);
	return 0;
}
