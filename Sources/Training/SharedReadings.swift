import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryPlatform
import Synchronization

/// What runs on the same data have in common and read once: the features of images by a frozen backbone, and tables. For runs
/// that are done one after the other, in one process or in several that share a folder.
///
/// ```swift
/// let shared = SharedReadings(folder: "search.runs")
/// try SharedReadings.$current.withValue(shared) {
///   for (number, options) in trials.enumerated() {
///     let place = "runs/\(number)"
///     _ = try NetworkTraining.start(options, from: .scratch(network), registry: .zoo, at: place) { print($0) }
///   }
/// }
/// ```
///
/// The features are kept in the folder instead of in the run's. Runs within it are not made to be resumed unless
/// `areResumable` says so: what their images hold is not recorded.
public final class SharedReadings: Sendable {
  /// What the runs of this task share; nil for nothing.
  @TaskLocal public static var current: SharedReadings?

  /// Where features are kept.
  public let folder: String
  /// Whether the runs stay, and may be resumed.
  public let areResumable: Bool
  private let state = Mutex(State())

  private struct State {
    var features: [String: ImageFeatures] = [:]
    var tables: [String: any Sendable] = [:]
    var told = ExactSet()
  }

  /// Shares nothing yet.
  ///
  /// - Parameters:
  ///   - folder: where features are kept; it is made when there are some.
  ///   - areResumable: whether the runs stay, and may be resumed.
  public init(folder: String, areResumable: Bool = false) {
    self.folder = folder
    self.areResumable = areResumable
  }

  // MARK: Features

  /// The features of images: those that were not met before are computed, whatever part of the data they are in.
  func features(
    _ model: some Classifier, _ entries: [ImageEntry], preprocessing: Preprocessing, workers: Int,
    report: (String) -> Void, progress: (Int) throws -> Void
  ) throws -> FeatureSet {
    let key = try FeatureCache.key(model, preprocessing)
    let identities = entries.map(ImageFeatures.identity)
    var known = state.withLock { $0.features[key] } ?? ImageFeatures()
    if !known.has(identities) {
      let path = folder + "/features-\(key).h5"
      try FileSystem.createFolder(folder)
      // Another process may be computing the same.
      let lock = try waitForLock(folder + "/.features.lock")
      defer { withExtendedLifetime(lock) {} }
      if let kept = ImageFeatures(from: path, key: key, report: report) { known = kept }
      let missing = zip(entries, identities).filter { !known.has([$0.1]) }
      if !missing.isEmpty {
        let computed = try FeatureSet.compute(
          model, missing.map(\.0), preprocessing: preprocessing, workers: workers, progress: progress)
        known.add(computed, of: missing.map(\.0), missing.map(\.1))
        if known.byteCount <= FeatureCache.largest, known.byteCount > 0 { try known.write(to: path, key: key) }
      }
      let result = known
      state.withLock { state in
        // Other preprocessings or weights than those of now go first.
        let others = state.features.values.reduce(0) { $0 + $1.byteCount }
        if others + result.byteCount > FeatureCache.largest { state.features = [:] }
        state.features[key] = result
      }
    }
    return known.set(of: entries, identities)
  }

  private func waitForLock(_ path: String) throws -> FileLock {
    while true {
      if let lock = try FileLock(path: path) { return lock }
      if Interruption.isRequested { throw EvaluationInterrupted() }
      usleep(100_000)
    }
  }

  // MARK: Remarks

  /// Whether none of the runs that share their data has told this of them.
  static func isNew(_ remark: String) -> Bool {
    current.map { shared in shared.state.withLock { $0.told.insert(remark) } } ?? true
  }

  // MARK: Tables

  /// A table that is read once.
  ///
  /// - Parameter key: changes with how it is read, beside the file.
  static func table(
    _ path: String, key: String, _ read: () throws(TableFault) -> Table
  ) throws(TableFault) -> Table {
    guard let shared = current else { return try read() }
    let status = FileSystem.status(path)
    let name = "\(key)\n\(path)\n\(status?.size ?? -1)\n\(status?.modified ?? -1)"
    if let known = shared.state.withLock({ $0.tables[name] as? Table }) { return known }
    let table = try read()
    shared.state.withLock { $0.tables[name] = table }
    return table
  }
}

/// The features of any images by their identities, in the order in which they were computed.
struct ImageFeatures: Sendable {
  private var width = 0
  private var scalars: [Float] = []
  private var rows: [String: Int] = [:]
  private var skipped: [String: FeatureSet.Skipped] = [:]

  var byteCount: Int { scalars.count * 4 }

  /// Which image it is, as it is now.
  static func identity(_ entry: ImageEntry) -> String {
    let status = FileSystem.status(entry.file)
    return "\(entry.path)\t\(status?.size ?? -1)\t\(status?.modified ?? -1)"
  }

  func has(_ identities: [String]) -> Bool { identities.allSatisfy { rows[$0] != nil || skipped[$0] != nil } }

  mutating func add(_ features: FeatureSet, of entries: [ImageEntry], _ identities: [String]) {
    if features.count > 0 { width = features.width }
    for (row, index) in features.indices.enumerated() {
      rows[identities[index]] = rows.count
      scalars += features.scalars[row * features.width..<(row + 1) * features.width]
    }
    let reasons = Dictionary(features.skipped.map { ($0.path, $0) }) { first, _ in first }
    for (entry, identity) in zip(entries, identities) where rows[identity] == nil {
      skipped[identity] = reasons[entry.path] ?? .init(path: entry.path, reason: "\(entry.path): cannot be read")
    }
  }

  func set(of entries: [ImageEntry], _ identities: [String]) -> FeatureSet {
    var values: [Float] = []
    var (labels, indices, left): ([Int32], [Int], [FeatureSet.Skipped]) = ([], [], [])
    values.reserveCapacity(entries.count * width)
    for (index, identity) in identities.enumerated() {
      if let row = rows[identity] {
        values += scalars[row * width..<(row + 1) * width]
        labels.append(Int32(entries[index].label))
        indices.append(index)
      } else if let reason = skipped[identity] {
        left.append(reason)
      }
    }
    return FeatureSet(
      width: labels.isEmpty ? 0 : width, scalars: values, labels: labels, indices: indices, skipped: left)
  }

  // MARK: The file

  private struct Listing: Codable {
    var images: [String]
    var skipped: [String: FeatureSet.Skipped]
  }

  init() {}

  /// nil where there is no usable file: the features are computed again.
  init?(from path: String, key: String, report: (String) -> Void) {
    guard FileSystem.exists(path) else { return nil }
    do {
      let file = try FeatureFile(from: path)
      let listing = try file.skipped.decoded(as: Listing.self)
      guard file.key == key, listing.images.count == file.labels.count,
        Set(listing.images).count == listing.images.count
      else { return nil }
      (width, scalars, skipped) = (file.width, file.features, listing.skipped)
      rows = Dictionary(uniqueKeysWithValues: zip(listing.images, listing.images.indices))
    } catch {
      report("\(path): \(reason(error)); the features are computed again")
      return nil
    }
  }

  func write(to path: String, key: String) throws {
    let images = rows.sorted { $0.value < $1.value }.map(\.key)
    try FeatureFile(
      width: width, features: scalars, labels: images.map { _ in 0 }, indices: images.indices.map { Int64($0) },
      key: key,
      skipped: JSONValue(encoding: Listing(images: images, skipped: skipped))
    ).write(to: path)
  }
}
