swift build -c release --traits Server && alias aviary=$PWD/.build/release/aviary
aviary serve pets=RUN --max-batch 16 --queue 64 --timeout 5 --api-key-file key.txt
curl --header "X-API-Key: $(head -n 1 key.txt)" --data-binary @PHOTO.jpg http://127.0.0.1:8080/predict
curl --header "X-API-Key: $(head -n 1 key.txt)" http://127.0.0.1:8080/metrics
