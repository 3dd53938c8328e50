swift build -c release --traits ONNX
aviary convert RUN/best.h5 pets.onnx --with-preprocessing --probabilities
