# An account with a script behind a pipe, as it has been for years; MIMEDefang's place in Postfix; a list and a file of the original.
#? { unix:/mimedefang/mimedefang.sock, default_action=accept }, { unix:smtpgate/milter.sock
ready
useradd --create-home --user-group orders
echo '|/usr/local/bin/order-old' > /home/orders/.forward
chown orders: /home/orders/.forward
postconf -e 'mydestination = localhost, example.org' 'allow_mail_to_commands = alias,forward'
postfix reload 2> /dev/null
install -d -m 0777 /srv/erp /srv/erp/old
LC_ALL=C printf 'A %-31sPCM:ACME/MAIN/%s\r\n' 'Kurt Kunz' kurt "$(printf 'J\201rgen M\201ller')" juergen > people.imp
printf 'VERSION:3.00\rTO:CSI:OLD/PO/kurt\rFROM:CSI:OLD/PO/jsmith\rDATE:1994-11-29\rTIME:23:44\rSUBJECT:Of old\rTEXT:6\rHello\r' > OLDMAIL.API
order() { # NUMBER
  cat > order.eml <<END
From: carol@sender.example
To: orders@example.org
Subject: Order $1
MIME-Version: 1.0
Content-Type: text/csv; name="order-$1.csv"
Content-Disposition: attachment; filename="order-$1.csv"
Content-Transfer-Encoding: base64

$(printf 'item;quantity\nV-25-S;%s\n' "$1" | base64)
END
  sendmail_to orders@example.org order.eml
}
before_block() {
  case $1 in
    *"diff old.sums"*)
      order 1
      order 2
      wait_until '[ $(ls /srv/erp/old | wc -l) -eq 2 ]'
      wait_until '[ $(ls /srv/erp/new | wc -l) -eq 2 ]'
      ;;
    ": > /etc/postfix/moved"*)
      # The old script has no part in this one; behind the block, it has again.
      order 3
      wait_until '[ $(ls /srv/erp/new | wc -l) -eq 3 ]'
      [ "$(ls /srv/erp/old | wc -l)" -eq 2 ]
      ;;
    "postconf smtpd_milters"*)
      order 4
      wait_until '[ $(ls /srv/erp/old | wc -l) -eq 3 ]'
      smtpgate-setup remove > /dev/null
      postconf -e 'smtpd_milters = { unix:/mimedefang/mimedefang.sock, default_action=accept }'
      ;;
  esac
}
