ready
printf 'From: carol@sender.example\nTo: anna@example.com\nSubject: Hello\n\nA line.\n' > message.eml
