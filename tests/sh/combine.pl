#!/usr/bin/perl
# combine.pl OUT FULL INCREMENT...: what pg_combinebackup does, for the
# versions that have none. Tablespaces are OUT.OID. Reads the INCREMENTAL
# format by its documentation, not by our code.
use strict;
use warnings;
use File::Basename;
use File::Copy;

my ($out, @chain) = @ARGV;
my $last = $chain[-1];

sub slurp
{
	my ($path) = @_;

	open my $f, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$f> // '';
}

# A file's bytes in the i-th of the chain.
sub rebuild
{
	my ($i, $path) = @_;
	my $increment = dirname($path) . '/INCREMENTAL.' . basename($path);

	return slurp("$chain[$i]/$path") if -e "$chain[$i]/$path";
	die "$path: nowhere" if $i == 0;
	my $raw = slurp("$chain[$i]/$increment");
	my ($magic, $count, $truncation) = unpack 'V3', $raw;
	die "$increment: magic" if $magic != 0xd3ae1f0d;
	my @blocks = unpack "x12 V$count", $raw;
	my $at = 12 + 4 * $count;
	$at += (8192 - $at % 8192) % 8192 if $count > 0;
	die "$increment: size" if length $raw != $at + 8192 * $count;
	my $old = rebuild($i - 1, $path);
	my $length = $truncation;
	$length = $_ + 1 > $length ? $_ + 1 : $length for @blocks;
	my $new = substr($old, 0, 8192 * $length);
	$new .= "\0" x (8192 * $length - length $new);
	for my $block (@blocks) {
		substr($new, 8192 * $block, 8192) = substr($raw, $at, 8192);
		$at += 8192;
	}
	return $new;
}

sub walk
{
	my ($dir, $to) = @_;

	mkdir $to, 0700 or die "$to: $!";
	opendir my $d, "$last/$dir" or die "$dir: $!";
	for my $name (sort grep { !/^\.\.?$/ } readdir $d) {
		my $path = $dir eq '.' ? $name : "$dir/$name";
		if (-l "$last/$path") {
			walk($path, "$out.$name");
			symlink "$out.$name", "$to/$name" or die;
		} elsif (-d "$last/$path") {
			walk($path, "$to/$name");
		} elsif ($name =~ /^INCREMENTAL\.(.*)/) {
			my $plain = dirname($path) . "/$1";
			open my $f, '>:raw', "$to/$1" or die;
			print $f rebuild($#chain, $plain);
			close $f or die;
		} elsif ($name eq 'backup_label') {
			my $text = slurp("$last/$path");
			$text =~ s/^INCREMENTAL FROM .*\n//mg;
			open my $f, '>:raw', "$to/$name" or die;
			print $f $text;
			close $f or die;
		} else {
			copy("$last/$path", "$to/$name") or die "$path: $!";
		}
	}
}

walk('.', $out);
