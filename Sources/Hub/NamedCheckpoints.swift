import AviaryArchives
import AviaryCheckpoints
import AviaryDiagnostics

extension Checkpoint {
  /// The checkpoint of a name: a file, the folder of a run, shipped weights, or published ones, which are fetched unless
  /// they are in the cache.
  ///
  /// ```swift
  /// let checkpoint = try Checkpoint.named("resnet18-imagenet")
  /// let model = try Registry.zoo.classifier(from: checkpoint, path: "resnet18-imagenet").model
  /// ```
  ///
  /// - Parameters:
  ///   - name: also `hf:OWNER/NAME` and addresses that begin with `https://`.
  ///   - puller: nil for the one that the environment describes.
  /// - Throws: `PullFault`, `WeightsFault` or `CheckpointFault`.
  public static func named(
    _ name: String, weights folder: String? = nil, puller: Puller? = nil, options: ReadOptions = ReadOptions()
  ) throws -> Checkpoint {
    try read(from: (puller ?? .standard()).checkpointPath(name, weights: folder), options: options)
  }
}

extension Puller {
  /// The path of a checkpoint that somebody names; see `Checkpoint.named`.
  ///
  /// - Parameter folder: the folder of shipped weights, which come before published ones.
  /// - Parameter name: its name.
  public func checkpointPath(_ name: String, weights folder: String? = nil) throws -> String {
    if PullAddress.isRemote(name) {
      let pulled = try pull(name)
      if let entry = pulled.entry, entry.isData {
        throw PullFault.badListing(address: name, reason: "it is data, not a checkpoint")
      }
      return pulled.path
    }
    let isShipped = try WeightsFolder.find(given: folder)?.weights.contains { $0.name.isExactly(name) } ?? false
    if !isShipped, !FileSystem.exists(name), table[name] != nil { return try pull(name).path }
    do throws(WeightsFault) {
      return try WeightsFolder.checkpointPath(name, given: folder)
    } catch {
      guard case .unknown(_, let shipped) = error, nearestName(to: name, among: shipped) == nil,
        nearestName(to: name, among: table.names) != nil
      else { throw error }
      throw PullFault.unknown(name: name, known: table.names)
    }
  }

  /// What `--data` names: a path, or `data:NAME`.
  public func dataPath(_ name: String) throws(PullFault) -> String {
    guard name.hasPrefix("data:"), !FileSystem.exists(name) else { return name }
    return try pull(name).path
  }
}
