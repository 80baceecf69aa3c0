# Each section's trouble is made before its commands, and mended behind them where the next one needs that.
#= QUEUE-ID grep -o 'smtpgate\[[0-9]*\]: [0-9A-F]*: to=' /var/log/smtpgate/smtpgate.log | head -1 | grep -o '[0-9A-F]*: to=' | cut -d: -f1
#= OUTGOING-ID ls /srv/postoffice/SMTP | grep -E '^[0-9a-f]{32}' | head -1 | cut -c1-32
#= ID ls /srv/postoffice/MBG/anna/new | head -1
#= FILE ls /srv/postoffice/MBG/anna/new/* | head -1
#= MESSAGE echo message.eml
# What the document quotes, and these commands and troubles must bring forth:
#? 550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in virtual mailbox table
#? 451 4.3.0 <anna@example.com>: Temporary lookup failure
#? socketmap server temporary error:
#? No space left on device; free space or inodes there
#? Permission denied; check its owner and mode
#? is no postoffice (it has no GLB/postoffice.toml); is its file system mounted?
#? the address map has no postoffice for the domain "example.org"; add it to ADDR_MAP.CFG, or do not route it to the gateway
#? /etc/smtpgate/smtpgate.toml:73: milter.deadline: 6000 is out of range; write an integer from 1 to 240
#? Server configuration error
#? the configuration was not taken; the last good one stays
#? configuration read again
#? 452 4.2.2 mailbox ben is full: it holds 1 of 1 messages
#? [private/smtpgate-door]: Connection refused
#? while receiving the initial server greeting
#? execvp /usr/bin/smtpgate: No such file or directory
#? fatal: unknown user name:
#? mail transport unavailable
#? warning: connect to Milter service unix:smtpgate/milter.sock: No such file or directory
#? cannot make the socket /var/spool/postfix/smtpgate/milter.sock: No such file or directory; its directory must exist and be writable for the gateway's user
#? smtpgate: smtpgate serve does not run:
#? left for door 2
#? 142-1-0 Bad address CSI:ACME/MAIN/ben in FROM: mail from this outbox is from ACME/MAIN/anna or one of its aliases
#? Not sent:
#? cannot connect to 127.0.0.1[127.0.0.1]:2600: Connection refused; start the mail server there, or correct [designated_host] hosts
#? the status page is at
#? takes no mail from the Internet
#? Relay access denied
ready
ask() { # ADDRESS: what Postfix answers to RCPT
  python3 - "$1" <<'END'
import smtplib, sys
client = smtplib.SMTP("127.0.0.1", 25, local_hostname="client.example")
client.ehlo()
client.mail("carol@sender.example")
code, text = client.rcpt(sys.argv[1])
print(code, text.decode())
END
}
deferred() { # ADDRESS: sends, and waits until Postfix has put it off
  local before_it
  before_it=$(grep -c status=deferred /var/log/mail.log || true)
  sendmail_to "$1" ""
  wait_until "[ \$(grep -c status=deferred /var/log/mail.log) -gt $before_it ]"
}
set_key() { # KEY VALUE
  sed -i "s,^$1 = .*,$1 = $2," /etc/smtpgate/smtpgate.toml
}
reload_daemon() { # TEXT that its log says then
  local before_it
  before_it=$(grep -c "$1" /var/log/smtpgate/smtpgate.log || true)
  systemctl reload smtpgate
  wait_until "[ \$(grep -c '$1' /var/log/smtpgate/smtpgate.log) -gt $before_it ]"
}
# Refused at RCPT, each in its way.
ask nobody@example.com
as_gateway mailbox set printer --no-receive-from-internet
ask printer@example.com
postconf -e mynetworks=192.0.2.0/24
postfix reload 2> /dev/null
wait_until 'ask anna@elsewhere.example | grep "Relay access denied"'
ask anna@elsewhere.example
postconf -e mynetworks=127.0.0.0/8
mail anna
mail anna

before_block() {
  case $1 in
    "smtpgate check --quiet"*)
      # All three reasons of the queue's table that need a running daemon, and a full mailbox.
      chmod 0500 /srv/postoffice/MBG/anna/new
      deferred anna@example.com
      chmod 2770 /srv/postoffice/MBG/anna/new
      as_gateway mailbox set ben --quota-messages 1
      mail ben
      deferred ben@example.com
      ;;
    "postqueue -p"*)
      mv /srv/postoffice /srv/away
      ask anna@example.com
      mv /srv/away /srv/postoffice
      tail -n 30 /var/log/mail.log
      postconf -e 'virtual_mailbox_domains = example.com example.org'
      postfix reload 2> /dev/null
      wait_until 'ask anna@example.org | grep 451'
      tail -n 3 /var/log/smtpgate/smtpgate.log
      postconf -e 'virtual_mailbox_domains = example.com'
      entry=$(postconf -M smtpgate-door/unix)
      postconf -MX smtpgate-door/unix
      postfix reload 2> /dev/null
      systemctl stop smtpgate
      deferred anna@example.com
      postqueue -p
      # An entry whose program, or whose user, is not there; and no transport.
      for wrong in 'smtpgate argv=/usr/bin/smtpgate' 'nobody-here argv=/usr/local/bin/smtpgate'; do
        postconf -M "smtpgate-door/unix=smtpgate-door unix - n n - 20 spawn user=$wrong deliver"
        postfix reload 2> /dev/null
        deferred anna@example.com
      done
      grep postfix/spawn /var/log/mail.log
      postconf -M "smtpgate-door/unix=$entry"
      entry=$(postconf -M smtpgate/unix)
      postconf -MX smtpgate/unix
      postfix reload 2> /dev/null
      deferred anna@example.com
      postqueue -p
      postconf -M "smtpgate/unix=$entry"
      # Not by a reload: master leaves a service that could not start alone for a minute.
      postfix stop 2> /dev/null
      postfix start 2> /dev/null
      systemctl start smtpgate
      ;;
    "smtpconv in "*) cp "$stage/message" message.eml ;;
    "smtpgate status"*"connect to Milter"*)
      systemctl stop smtpgate
      smtpgate status || true
      mv /var/spool/postfix/smtpgate /var/spool/postfix/away
      smtpgate serve || true
      mail anna
      mv /var/spool/postfix/away /var/spool/postfix/smtpgate
      systemctl start smtpgate
      ;;
    "postoffice -d /srv/postoffice queue list"*outbox*)
      set_key hosts '["127.0.0.1:2600"]'
      systemctl restart smtpgate
      echo hi | postoffice -d /srv/postoffice send --from anna --to bob@example.net --subject Waits -
      printf 'VERSION:3.00\nTO:SMTP:bob@example.net\nFROM:CSI:ACME/MAIN/ben\nTEXT:3\nhi\n' > /srv/postoffice/MBG/anna/outbox/x.tmp
      mv /srv/postoffice/MBG/anna/outbox/x.tmp /srv/postoffice/MBG/anna/outbox/x.API
      wait_until 'ls /srv/postoffice/MBG/anna/outbox/x.API.bad'
      wait_until 'postoffice -d /srv/postoffice queue list | grep "Connection refused"'
      postoffice -d /srv/postoffice list anna
      ;;
    "df -h"*)
      mount -t tmpfs -o size=200k,mode=0750 full /srv/postoffice/P1
      chown smtpgate /srv/postoffice/P1
      head -c 300000 /dev/zero > /srv/postoffice/P1/.full 2> /dev/null || true
      deferred anna@example.com
      tail -n 1 /var/log/mail.log
      umount /srv/postoffice/P1
      ;;
    "systemctl status"*)
      useradd --system --user-group orders
      postoffice -d /srv/postoffice mailbox add orders --group orders --delivery folder --hook /usr/bin/true --hook-user orders
      systemctl start smtpgate-hooks@srv-postoffice.service
      ;;
    "smtpgate check"*configuration*)
      set_key deadline 6000
      reload_daemon 'was not taken'
      # The look-up, too, once its few seconds have passed.
      wait_until 'ask anna@example.com | grep 451'
      ask anna@example.com
      set_key deadline 60
      reload_daemon 'configuration read again'
      ;;
    "smtpgate status"*"status page"*)
      sed -i '/^\[status\]/,/^\[milter\]/ s,^listen = .*,listen = "/run/smtpgate/status.sock",' /etc/smtpgate/smtpgate.toml
      systemctl restart smtpgate
      ;;
  esac
}
