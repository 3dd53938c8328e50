import Aviary
import AviaryCommands

/// A recording in Chrome's trace event format, which chrome://tracing and Perfetto show.
enum ChromeTrace {
  static func json(_ recording: Profile.Recording) -> String {
    let events = recording.events.map { event in
      JSONValue.members([
        "name": .text(event.operation), "cat": .text(event.isBackward ? "backward" : "forward"), "ph": .text("X"),
        "ts": .real(event.start * 1e6), "dur": .real(event.duration * 1e6), "pid": .integer(1), "tid": .integer(1),
        "args": .members([
          "layer": .text(event.path), "implementation": .text(event.implementation ?? "Aviary"),
          "shapes": .text(event.shapes), "flop": .real(event.arithmetic), "bytes": .integer(event.bytes),
        ]),
      ])
    }
    return JSONValue.members(["displayTimeUnit": .text("ms"), "traceEvents": .array(events)]).serialized
  }
}
