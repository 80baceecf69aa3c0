ready
for file in BATCH TO_NC; do
  printf 'VERSION:3.00\nTO:CSI:ACME/MAIN/anna\nFROM:CSI:ACME/MAIN/ben\nSUBJECT:Hello\nTEXT:3\nhi\n' > "$file.API"
done
printf 'MAIL FROM:<bob@example.com>\r\nRCPT TO:<anna@example.com> XMAILBOX=ACME/MAIN/anna\r\n' > SMTP_IN.ENV
