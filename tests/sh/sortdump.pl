# sortdump.pl - a plain dump on stdin, in canonical order on stdout: the script
# without its rows, then each table's rows, columns by name, sorted
use strict;
use warnings;

my $name = qr/"(?:[^"]|"")*"|[^\s",()]+/;
my ($key, @order, %rows);
my $script = '';

# A COPY statement as the key of its rows; how its columns are to be ordered.
sub heading {
	my ($copy) = @_;
	my ($table, $list) =
	    $copy =~ /^COPY ((?:"(?:[^"]|"")*"|[^"\s(])+)\s+(?:\((.*)\) )?FROM stdin;\n\z/s
	    or die "sortdump: what is this: $copy";
	my @columns = defined $list ? $list =~ /$name/g : ();
	@order = sort { $columns[$a] cmp $columns[$b] } 0 .. $#columns;
	return "COPY $table (" . join(', ', @columns[@order]) . ")\n";
}

while (my $line = <STDIN>) {
	if (defined $key) {
		if ($line eq "\\.\n") {
			$key = undef;
		} elsif (@order > 1) {
			chomp $line;
			my @values = split /\t/, $line, -1;
			push @{ $rows{$key} }, join("\t", @values[@order]) . "\n";
		} else {
			push @{ $rows{$key} }, $line;
		}
		next;
	}
	# the key is random
	next if $line =~ /^\\(un)?restrict /;
	# one leaf's heading is as good as another's
	next if $line =~ /^-- Data for Name: .*; Type: TABLE DATA; /;
	if ($line =~ /^COPY /) {
		# a name may hold the end of a line
		while ($line !~ / FROM stdin;\n\z/ && defined(my $more = <STDIN>)) {
			$line .= $more;
		}
		$key = heading($line);
		$rows{$key} //= [];
	} else {
		$script .= $line;
	}
}
die "sortdump: the dump ends inside COPY\n" if defined $key;
# from 17 on, large objects of one owner and one ACL are made together: what
# the groups are depends on what else is dumped
my @made;
$script =~ s{--\n-- Name: [0-9.]+; Type: BLOB METADATA;[^\n]*\n--\n\n((?:SELECT pg_catalog\.lo_create\('\d+'\);\n)+)\n*}
	{push @made, split /^/, $1; ''}ge;
$script =~ s{--\n-- Data for Name: [0-9.]+; Type: BLOBS;[^\n]*\n--\n\nBEGIN;\n\n(.*?\n)COMMIT;\n\n*}
	{push @made, split /^(?=SELECT pg_catalog\.lo_open)/m, $1; ''}gse;
print $script, sort @made;
foreach my $head (sort keys %rows) {
	print $head, (sort @{ $rows{$head} }), "\\.\n";
}
