ready
printf 'name,full_name,aliases,quota_messages\nanna,Anna Berg,a.berg; anna@company.example,10000\nbernd,"Berg, Bernd",,\n' > people.csv
