swift build -c release --traits Server && alias aviary=$PWD/.build/release/aviary
aviary serve pets=RUN
curl --data-binary @PHOTO.jpg http://127.0.0.1:8080/predict
curl --form image=@PHOTO.jpg http://127.0.0.1:8080/predict
curl --data-binary @PHOTO.jpg http://127.0.0.1:8080/explain > why.png
