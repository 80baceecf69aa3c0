ready
printf 'From: bob@example.com\nTo: alice@example.net\nSubject: Hello\n\nA line.\n' > message.eml
printf 'VERSION:3.00\nTO:SMTP:bob@example.net\nFROM:CSI:ACME/MAIN/anna\nSUBJECT:Hello\nTEXT:3\nhi\n' > FROM_NC.API
cp /etc/smtpgate/ADDR_MAP.CFG .
