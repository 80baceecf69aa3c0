ready
smtpgate-setup remove > /dev/null
cp -a /etc/postfix /etc/postfix-test
