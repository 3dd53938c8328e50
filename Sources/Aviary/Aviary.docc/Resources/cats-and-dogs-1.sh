aviary sample-images PHOTOS --count 200
aviary show PHOTOS --output samples.png
