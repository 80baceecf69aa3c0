# Mailboxes, messages and mail that waits, as each example has them.
#= 3f2c ls /srv/postoffice/MBG/anna/new /srv/postoffice/MBG/anna/cur | grep -E '^[0-9a-f]{32}' | head -1
#= 81d0 ls /srv/postoffice/MBG/anna/new /srv/postoffice/MBG/anna/cur | grep -E '^[0-9a-f]{32}' | tail -1
#= 01a2 ls /srv/postoffice/SMTP | grep -E '^[0-9a-f]{32}' | head -1 | cut -c1-32
ready
sed -i 's,^hosts = .*,hosts = ["127.0.0.1:2600"],' /etc/smtpgate/smtpgate.toml
echo "The plan." > plan.txt
echo "%PDF-1.4 the plan" > plan.pdf
printf 'name\nerna\n' > people.csv
printf '#!/bin/sh\nexit 0\n' > /usr/local/bin/order-intake
chmod 0755 /usr/local/bin/order-intake
printf 'From carol Mon Jan  6 09:30:00 2025\nFrom: carol@sender.example\nSubject: Old\n\nAn old line.\n' > anna.mbox
printf 'VERSION:3.00\nTO:CSI:ACME/MAIN/anna\nFROM:CSI:ACME/MAIN/postmaster\nSUBJECT:Plan\nTEXT:3\nhi\n' > plan.api
quietly() { as_gateway "$@" > /dev/null 2>&1 || true; }
useradd --system --user-group orders
boxes() {
  local box
  [ ! -d /srv/postoffice/MBG/annabel ] || quietly mailbox rename annabel anna
  for box in anna bernd dora; do quietly mailbox add "$box"; done
  postoffice -d /srv/postoffice mailbox add orders --group orders > /dev/null 2>&1 || true
}
waiting() {
  ! ls /srv/postoffice/SMTP | grep -qE '^[0-9a-f]{32}$' || return 0
  systemctl start smtpgate
  postoffice -d /srv/postoffice send --from anna --to jo@example.net --subject Plan plan.txt
  wait_until 'ls /srv/postoffice/SMTP | grep -E "^[0-9a-f]{32}"'
  systemctl stop smtpgate
}
before_block() {
  case $1 in
    *" init "*)
      systemctl stop smtpgate
      rm -rf /srv/postoffice
      return
      ;;
    *"mailbox add anna"*) quietly mailbox remove anna --with-messages ;;
    *"mailbox move anna"*)
      postoffice -d /srv/postoffice-2 init --name ACME/SECOND --owner smtpgate > /dev/null
      boxes
      ;;
    *"mailbox remove anna"*)
      quietly mailbox remove anna --with-messages
      boxes
      ;;
    *) boxes ;;
  esac
  case $1 in
    *"group add"*)
      quietly alias remove sales
      quietly group remove sales
      ;;
    *group*)
      quietly alias remove sales
      quietly group add sales anna bernd jo@example.com
      ;;
    *"alias remove"*) quietly alias add info@company.example anna ;;
    *run-hooks*) quietly mailbox set orders --hook-user orders ;;
    *MBG/anna* | *"list anna"* | *find* | *export*)
      smtpput -d /srv/postoffice -k plan.api
      smtpput -d /srv/postoffice -k plan.api
      ;;
    *postoffice/SMTP* | *"retry --all"*) waiting ;;
  esac
}
