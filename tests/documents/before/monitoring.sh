# The status listener, at both of its places: the second one's daemon is started for its command.
ready
listen_at() {
  systemctl stop smtpgate
  sed -i "/^\[status\]/,/^\[milter\]/ s,^listen = .*,listen = \"$1\"," /etc/smtpgate/smtpgate.toml
  sed -i "/^\[status\]/,/^\[milter\]/ s,^token_file = .*,token_file = \"$2\"," /etc/smtpgate/smtpgate.toml
  systemctl start smtpgate
}
before_block() {
  case $1 in
    *curl*--unix-socket*) listen_at /run/smtpgate/status.sock "" ;;
    *curl*Bearer*) listen_at 127.0.0.1:9825 /etc/smtpgate/status.token ;;
  esac
}
