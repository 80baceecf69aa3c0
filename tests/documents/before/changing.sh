# A message to try, and a group.
ready
as_gateway group add sales anna ben
printf 'From: carol@sender.example\nTo: anna@example.com\nSubject: Hello\n\nA line.\n' > message.eml
