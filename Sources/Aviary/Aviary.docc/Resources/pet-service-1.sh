swift build -c release --traits Server && alias aviary=$PWD/.build/release/aviary
aviary serve pets=RUN
