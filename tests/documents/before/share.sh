bare
useradd --system --user-group smtpgate
useradd --user-group anna
