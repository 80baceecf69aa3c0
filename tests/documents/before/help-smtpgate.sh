#= A echo anna@example.com
ready
printf 'From: carol@sender.example\nTo: anna@example.com\nSubject: Hello\n\nA line.\n' | tee message.eml > FILE.eml
before_block() {
  case $1 in
    *"smtpgate serve"*) systemctl stop smtpgate ;;
    *"status"*) systemctl start smtpgate ;;
  esac
}
