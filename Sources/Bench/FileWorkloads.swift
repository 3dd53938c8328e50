import Aviary
import Dispatch
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Workload {
  /// Checkpoints to and from the disk, and photographs from it.
  static let fileWorkloads = [
    Workload(name: "save", items: 1) { _ in
      let file = TemporaryFile()
      let checkpoint = try resnet18Checkpoint()
      return {
        try checkpoint.write(to: file.path)
        return nil
      }
    },
    Workload(name: "load", items: 1) { _ in
      let file = TemporaryFile()
      try resnet18Checkpoint().write(to: file.path)
      return {
        // The largest first, so that no core is left with much to do at the end.
        let entries = try Checkpoint.read(from: file.path).entries.sorted { $0.array.count > $1.array.count }
        let sums = Mutex([Double?](repeating: nil, count: entries.count))
        DispatchQueue.concurrentPerform(iterations: entries.count) { index in
          let sum = entries[index].array.sum()
          sums.withLock { $0[index] = sum }
        }
        return nil
      }
    },
    Workload(name: "images", items: 256) { setting in
      var batches = try EndlessPhotographs(setting.photographs)
      return {
        for _ in 0..<8 { try batches.readOne() }
        return nil
      }
    },
  ]

  private static func resnet18Checkpoint() throws -> Checkpoint {
    let model = ResNet(.resnet18)
    model.initialize(seed: 0)
    return model.checkpoint(architecture: "resnet18")
  }

  /// A file that is there as long as the workload is.
  private final class TemporaryFile {
    let path: String

    init() {
      let folder = ProcessInfo.processInfo.environment["BENCH_DIR"] ?? FileManager.default.temporaryDirectory.path
      path = folder + "/aviary-bench-\(ProcessInfo.processInfo.processIdentifier).h5"
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Batches of 32 photographs without an end, through random crops of 224×224, flips and normalisation, by two workers.
  private struct EndlessPhotographs {
    private let entries: [ImageEntry]
    private var epoch = 0
    private var batches: ImageBatches

    init(_ folder: String?) throws {
      let folder = try folder ?? Self.folder()
      let parts = folder + "/train"
      let all = try ImageFolder(FileManager.default.fileExists(atPath: parts) ? parts : folder).entries
      // An epoch is many steps long, so that the workers are hardly ever without work, in an order that mixes classes.
      entries = (0..<(1 << 15)).map { all[$0 * 7919 % all.count] }
      batches = try Self.open(entries, epoch: 0)
    }

    private static func open(_ entries: [ImageEntry], epoch: Int) throws -> ImageBatches {
      try ImageBatches(
        entries, preprocessing: .torchvision(size: 224), augmentation: .standard, batchSize: 32, epoch: epoch,
        workers: 2)
    }

    mutating func readOne() throws {
      while true {
        if let batch = batches.next() {
          if let first = batch.skipped.first { throw BenchFault.unreadable("\(first.path): \(first.reason)") }
          return
        }
        epoch += 1
        batches = try Self.open(entries, epoch: epoch)
      }
    }

    /// The photographs that lie beside a checkout.
    private static func folder() throws -> String {
      let given = ProcessInfo.processInfo.environment["AVIARY_SHARED_DATA"] ?? ""
      let folder = (given.isEmpty ? "../shared/data" : given) + "/cats-vs-dogs"
      guard FileManager.default.fileExists(atPath: folder) else { throw BenchFault.noPhotographs(folder: folder) }
      return folder
    }
  }
}
