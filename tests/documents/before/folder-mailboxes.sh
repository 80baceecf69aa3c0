# An ERP's inbox, and the group of those who look after orders.
ready
printf '#!/bin/sh\nexit 0\n' > /usr/local/bin/order-intake
chmod 0755 /usr/local/bin/order-intake
cat > order.eml <<'END'
From: carol@sender.example
To: orders@example.com
Subject: Order 4711
MIME-Version: 1.0
Content-Type: text/csv; name="order-4711.csv"
Content-Disposition: attachment; filename="order-4711.csv"

item;quantity
V-25-S;40
END

before_block() {
  case $1 in
    *"run-hooks orders --once"*)
      install -d -o orders /srv/erp/inbox
      mail orders
      ;;
    *"list orders --unread"*)
      # By now the command is the one that the document shows.
      sendmail_to orders@example.com order.eml
      wait_until 'ls -d /srv/postoffice/MBG/orders/new/*'
      postoffice -d /srv/postoffice run-hooks orders --once
      cat /srv/erp/inbox/*-order-4711.csv
      ;;
  esac
}
