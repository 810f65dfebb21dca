#!/bin/bash
# Exit status 0 when the admin listener answers GET /livez with 200. For HEALTHCHECK: the image has no curl.
set -u
port=${TENANTD_ADMIN_LISTEN:-:9090}
port=${port##*:}

exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3 && [ "$status" = 200 ]
