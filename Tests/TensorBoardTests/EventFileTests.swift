#if TensorBoard
  import AviaryArchives
  import AviaryTensors
  import AviaryTraining
  import Foundation
  import SwiftProtobuf
  import Testing

  @testable import AviaryTensorBoard

  /// `tools/check_tensorboard.py` reads the same with TensorBoard's own reader.
  @Suite struct EventFileTests {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-events-\(UUID())").path

    /// The events of a file whose frames are in order.
    private func events(_ path: String) throws -> [TFRecordEvent] {
      var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))[...]
      var events: [TFRecordEvent] = []
      while rest.count >= 16 {
        let count = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let content = Array(rest.dropFirst(12).prefix(count))
        #expect(EventFile.record(content) == Array(rest.prefix(count + 16)))
        events.append(try TFRecordEvent(serializedBytes: content))
        rest = rest.dropFirst(count + 16)
      }
      #expect(rest.isEmpty)
      return events
    }

    /// The record of an empty message, as TensorFlow's RecordWriter frames it.
    @Test func framesAreThoseOfTensorFlow() {
      #expect(
        EventFile.record([]) == [0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0x03, 0x98, 0x07, 0xd8, 0xea, 0x82, 0xa2])
    }

    @Test func whatIsWrittenIsRead() throws {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let file = try EventFile(in: folder, now: { 12.5 })
      try file.scalar("loss/train", 0.25, step: 3)
      try file.histogram("weights", [0, 1, 1, 4, .nan, .infinity], step: 4, bins: 4)
      try file.histogram("nothing", [.nan], step: 4)
      try file.image("image", Tensor([0, 1, 0.5, 2, -1, .nan], shape: [1, 2, 3]), step: 5, factor: 2)
      try file.resume(at: 3)
      let events = try events(file.path)
      #expect(events.map(\.step) == [0, 3, 4, 5, 3] && events.allSatisfy { $0.wallTime == 12.5 })
      #expect(events[0].fileVersion == "brain.Event:2")
      #expect(events[1].summary.value.map(\.tag) == ["loss/train"] && events[1].summary.value[0].simpleValue == 0.25)
      let histogram = events[2].summary.value[0].histo
      #expect(histogram.bucketLimit == [1, 2, 3, 4] && histogram.bucket == [1, 2, 0, 1])
      #expect(histogram.num == 4 && histogram.sum == 6 && histogram.sumSquares == 18)
      let image = events[3].summary.value[0].image
      #expect((image.height, image.width, image.colorspace) == (4, 6, 1))
      #expect(image.encodedImageString.prefix(8) == Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
      #expect(events[4].sessionLog.status == .start)
    }

    @Test func equalNumbersHaveOneBucket() throws {
      let histogram = try #require(TFRecordHistogramProto([2, 2, 2], bins: 8))
      #expect(histogram.bucketLimit == [2] && histogram.bucket == [3] && histogram.min == 2 && histogram.max == 2)
    }

    @Test func aFolderThatCannotBeWrittenIsAFault() throws {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try Data().write(to: URL(fileURLWithPath: folder))
      #expect(throws: ArchiveFault.self) { _ = try EventFile(in: folder) }
    }
  }
#endif
