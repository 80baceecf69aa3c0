# A message to try, a group, and a list of people.
ready
printf 'name,full_name\ncarl,Carl Cook\n' > people.csv
as_gateway group add sales anna ben
printf 'From: carol@sender.example\nTo: anna@example.com\nSubject: Hello\n\nA line.\n' > message.eml
