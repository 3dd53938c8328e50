tools/package
podman build --format docker --file tools/Containerfile --tag aviary .build/package
podman run --read-only --tmpfs /tmp --publish 8080:8080 --volume $PWD/RUN:/data:ro aviary serve pets=best.h5 --host 0.0.0.0
