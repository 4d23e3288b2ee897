# fakesender.pl FOLDER MODE - a walsender that lies, on a socket in FOLDER
#
# It speaks as much of PostgreSQL's protocol as pgk-wal receive needs, as
# cluster 7000000000000000001 at 0/3000000 with segments of 1 MB, and answers
# START_REPLICATION according to MODE. Ends when its parent does.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($folder, $mode) = @ARGV;
my $start = 0x3000000;
my $parent = getppid();
my $server = IO::Socket::UNIX->new(Local => "$folder/.s.PGSQL.5432",
    Listen => 8) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
my $c;

sub message {
	my ($type, $body) = @_;
	print $c $type . pack('N', 4 + length $body) . $body;
}

sub rows {
	my (@fields) = @_;
	my $body = '';
	$body .= "f\0" . pack('NnNnNn', 0, 0, 25, 0xffff, 0xffffffff, 0)
	    for @fields;
	message('T', pack('n', scalar @fields) . $body);
	$body = '';
	$body .= defined $_ ? pack('N', length $_) . $_ :
	    pack('N', 0xffffffff) for @fields;
	message('D', pack('n', scalar @fields) . $body);
}

sub done { message('C', "X\0"); message('Z', 'I'); }

sub data {
	my ($at, $bytes) = @_;
	message('d', 'w' . pack('Q>Q>Q>', $at, $at + 4096, 0) . $bytes);
}

sub alive { message('d', 'k' . pack('Q>Q>C', $start, 0, $_[0])); }

sub stream {
	message($mode eq 'out' ? 'H' : 'W', pack('Cn', 0, 0));
	if ($mode eq 'jump') {
		data($start, 'x' x 64); data($start + 72, 'x' x 64);
	} elsif ($mode eq 'back') {
		data($start, 'x' x 64); data($start, 'x' x 64);
	} elsif ($mode eq 'wrap') {
		data(~0 - 15, 'x' x 64);
	} elsif ($mode eq 'type') {
		message('d', 'xyz');
	} elsif ($mode eq 'short') {
		message('d', 'w1234');
	} elsif ($mode eq 'flood') {
		alive($_ % 50 == 0 ? 1 : 0) for 1 .. 100000;
		data($start, '') for 1 .. 1000;
		message('d', 'k1');
	} elsif ($mode eq 'length') {
		print $c 'd' . pack('N', 0x80000001) . 'xxxx';
	} elsif ($mode eq 'endless') {
		print $c 'd' . pack('N', 0x7fffffff) . 'xxxx';
		close $c; exit;
	} elsif ($mode eq 'timeline' || $mode eq 'elsewhere') {
		message('c', '');
		rows($mode eq 'timeline' ? 1 : 2, '0/9000000');
		done(); return;
	} elsif ($mode eq 'noise') {
		srand 7;
		print $c join '', map { chr int rand 256 } 1 .. 10000;
	}
}

sub query {
	my ($text) = @_;
	if ($text eq 'IDENTIFY_SYSTEM') {
		rows($mode eq 'words' ? 'many' : '7000000000000000001',
		    $mode eq 'history' ? 2 : 1,
		    $mode eq 'lsn' ? 'here' : '0/3000000', undef); done();
	} elsif ($text =~ /^SHOW wal_segment/) {
		rows($mode eq 'size' ? '3MB' : '1MB'); done();
	} elsif ($text =~ /^SHOW pgk/) {
		message('E', "SERROR\0C42704\0Munrecognized parameter\0\0");
		message('Z', 'I');
	} elsif ($text =~ /^SHOW/) {
		rows('off'); done();
	} elsif ($text =~ /^READ/) {
		rows(undef, undef, undef); done();
	} elsif ($text =~ /^TIMELINE_HISTORY/) {
		rows('00000002.history', "9\t0/99\nno history\n"); done();
	} elsif ($text =~ /^START/) {
		stream();
	}
}

sub session {
	binmode $c; $c->autoflush(1);
	for (;;) {
		read($c, my $head, 4) == 4 or exit;
		read($c, my $body, unpack('N', $head) - 4);
		my $version = unpack 'N', $body;
		exit if $version == 80877102;
		last if $version == 196608;
		print $c 'N';
	}
	message('R', pack 'N', 0);
	message('S', "server_version\0" . "15.0\0");
	message('S', "server_encoding\0UTF8\0");
	message('K', pack 'NN', 1, 1);
	message('Z', 'I');
	for (;;) {
		read($c, my $head, 5) == 5 or exit;
		my ($type, $len) = unpack 'aN', $head;
		read($c, my $body, $len - 4);
		exit if $type eq 'X';
		query($body =~ s/\0$//r) if $type eq 'Q';
	}
}

$SIG{ALRM} = sub { exit if getppid() != $parent; alarm 1; };
alarm 1;
for (;;) {
	$c = $server->accept() or next;
	my $pid = fork();
	session() if $pid == 0;
	close $c;
}
