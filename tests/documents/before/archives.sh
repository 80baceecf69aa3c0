# Something to write, and an mbox to read.
ready
mail anna
mail anna
install -d -o smtpgate /srv/imap /srv/archive
printf 'From carol Mon Jan  6 09:30:00 2025\nFrom: carol@sender.example\nTo: anna@example.com\nSubject: Old\n\nAn old line.\n' > old-mail.mbox
