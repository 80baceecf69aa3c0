# A machine with Postfix, and what the commands name: a list of people, a bill, a program that takes orders.
#? exit code 0 after 
bare
printf 'name,full_name\ncarl,Carl Cook\n' > people.csv
echo "%PDF-1.4 a bill" > bill.pdf
printf '#!/bin/sh\nexit 0\n' > /usr/local/bin/order-intake
chmod 0755 /usr/local/bin/order-intake

before_block() {
  case $1 in *MBG/orders/new*) mail orders ;; esac
}
