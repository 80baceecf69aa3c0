# What Perl's MIME-tools find in a message: for tests/corpus/changed, which asks it. Reads and prints what gmime_leaves.c does.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use MIME::Parser;

$| = 1;

sub walk {
    my ($entity) = @_;
    my @parts = $entity->parts;
    if (@parts) {
        walk($_) for @parts;
        return;
    }
    my $octets = defined $entity->bodyhandle ? $entity->bodyhandle->as_string : '';
    (my $plain = $octets) =~ s/\r\n/\n/g;
    $plain =~ s/\n+\z//;
    (my $type = $entity->effective_type) =~ s/\s/_/g;
    print join(' ', $type, sha256_hex($octets), sha256_hex($plain), length $plain), "\n";
}

while (my $path = <STDIN>) {
    chomp $path;
    eval {
        my $parser = MIME::Parser->new;
        $parser->output_to_core(1);
        $parser->tmp_to_core(1);
        walk($parser->parse_open($path));
    };    # what it cannot read has no leaves
    print "end\n";
}
