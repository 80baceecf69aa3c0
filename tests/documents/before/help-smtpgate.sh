ready
before_block() {
  case $1 in
    *"smtpgate serve"*) systemctl stop smtpgate ;;
    *"status"*) systemctl start smtpgate ;;
  esac
}
