# A message waits for each example, since nobody listens where it is to go.
ready
sed -i 's,^hosts = .*,hosts = ["127.0.0.1:2600"],' /etc/smtpgate/smtpgate.toml
systemctl restart smtpgate
before_block() {
  rm -f FROM_NC.API
  echo hi | postoffice -d /srv/postoffice send --from anna --to bob@example.net --subject Waits -
  wait_until 'postoffice -d /srv/postoffice queue list | grep "Connection refused"'
}
