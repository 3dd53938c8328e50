aviary sample-images PHOTOS --count 200
aviary show PHOTOS --output samples.png
aviary finetune --from resnet18-cifar10 --data PHOTOS --freeze backbone --epochs 10 --output RUN
aviary plot RUN --output curves.png
aviary evaluate RUN --data PHOTOS
aviary show PHOTOS --predict RUN --output predictions.png
