#if TensorBoard
  import AviaryArchives
  import AviaryTensors
  import SwiftProtobuf

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// A file of events that TensorBoard reads: scalars, histograms and images by tag and step.
  ///
  /// ```swift
  /// let events = try EventFile(in: "runs/first")
  /// try events.scalar("loss/train", 0.25, step: 100)
  /// ```
  ///
  /// Every call appends at once, so that TensorBoard shows a run while it learns.
  public final class EventFile {
    private let file: GrowingFile
    /// Seconds since 1970.
    private let now: () -> Double

    /// Where the file lies.
    public var path: String { file.path }

    /// Begins a new file in a folder, which is made where there is none. TensorBoard shows the files of one folder as one run.
    public convenience init(in folder: String) throws(ArchiveFault) {
      try self.init(in: folder) { Date().timeIntervalSince1970 }
    }

    init(in folder: String, now: @escaping () -> Double) throws(ArchiveFault) {
      self.now = now
      try FileSystem.createFolder(folder)
      let name = "\(folder)/events.out.tfevents.\(Int(now())).aviary.\(ProcessInfo.processInfo.processIdentifier)"
      // A process may begin several in a second.
      let number = (0...).first { !FileSystem.exists("\(name).\($0)") } ?? 0
      file = try GrowingFile(creating: "\(name).\(number)")
      var event = event(step: 0)
      event.fileVersion = "brain.Event:2"
      try write(event)
    }

    /// Says that a run goes on with this step: what was written of it and of later ones is forgotten.
    public func resume(at step: Int) throws(ArchiveFault) {
      var event = event(step: step)
      event.sessionLog.status = .start
      try write(event)
    }

    /// Adds a number under a name.
    public func scalar(_ tag: String, _ value: Double, step: Int) throws(ArchiveFault) {
      try write(tag, step: step) { $0.simpleValue = Float(value) }
    }

    /// How numbers are distributed, in `bins` ranges of equal width. Those that are not finite are left out; nothing is written
    /// where none is left.
    public func histogram(
      _ tag: String, _ values: some Sequence<Float>, step: Int, bins: Int = 64
    ) throws(ArchiveFault) {
      guard let histogram = TFRecordHistogramProto(values, bins: bins) else { return }
      try write(tag, step: step) { $0.histo = histogram }
    }

    /// - Parameters:
    ///   - image: channels first, [1 or 3, height, width], with elements from 0 to 1; what is beyond is cut off.
    ///   - factor: how many pixels wide and high an element is drawn.
    ///   - tag: its name in the log.
    ///   - step: the number of the step.
    public func image(_ tag: String, _ image: Tensor, step: Int, factor: Int = 1) throws(ArchiveFault) {
      let picture = PNGImage(image, factor: factor)
      try write(tag, step: step) { value in
        value.image.height = Int32(picture.height)
        value.image.width = Int32(picture.width)
        value.image.colorspace = Int32(picture.channels)
        value.image.encodedImageString = Data(picture.encoded)
      }
    }

    private func event(step: Int) -> TFRecordEvent {
      var event = TFRecordEvent()
      event.wallTime = now()
      event.step = Int64(step)
      return event
    }

    private func write(
      _ tag: String, step: Int, _ fill: (inout TFRecordSummary.Value) -> Void
    ) throws(ArchiveFault) {
      var value = TFRecordSummary.Value()
      value.tag = tag
      fill(&value)
      var event = event(step: step)
      event.summary.value = [value]
      try write(event)
    }

    private func write(_ event: TFRecordEvent) throws(ArchiveFault) {
      let bytes: [UInt8]
      do { bytes = try event.serializedBytes() } catch {
        throw .system(path: path, operation: "encode an event for", reason: "\(error)")
      }
      try file.append(Self.record(bytes))
    }

    /// The frame of a TFRecord: the length and the content, each followed by its masked CRC-32C.
    static func record(_ content: [UInt8]) -> [UInt8] {
      let length = bytes(UInt64(content.count))
      return length + bytes(maskedSum(length)) + content + bytes(maskedSum(content))
    }

    private static func maskedSum(_ bytes: [UInt8]) -> UInt32 {
      let sum = ByteRegion(bytes).crc32c()
      return (sum >> 15 | sum << 17) &+ 0xa282_ead8
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
      (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
  }

  extension TFRecordHistogramProto {
    /// Nil without finite numbers.
    init?(_ values: some Sequence<Float>, bins: Int) {
      let values = values.lazy.filter(\.isFinite).map { Double($0) }
      self.init()
      (min, max) = (.infinity, -.infinity)
      for value in values {
        (min, max) = (Swift.min(min, value), Swift.max(max, value))
        num += 1
        sum += value
        sumSquares += value * value
      }
      guard num > 0 else { return nil }
      let count = min < max ? Swift.max(1, bins) : 1
      let width = (max - min) / Double(count)
      bucketLimit = (1...count).map { $0 == count ? max : min + Double($0) * width }
      bucket = Array(repeating: 0, count: count)
      for value in values {
        let place = width > 0 ? Int((value - min) / width) : 0
        bucket[Swift.min(count - 1, place)] += 1
      }
    }
  }
#endif
