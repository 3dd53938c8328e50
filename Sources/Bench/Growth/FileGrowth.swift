import Aviary
import AviaryArchives

extension GrowthAxis {
  /// Checkpoints of many small tensors.
  static let tensors = GrowthAxis(
    name: "tensors", items: "tensors", summary: "Checkpoints of as many tensors of 16 numbers, ten a layer.",
    sizes: [1] + series(from: 10, to: 100_000),
    prepare: { size, folder in
      let checkpoint = smallTensors(size)
      for ending in endings { try checkpoint.write(to: folder + "/tensors." + ending) }
    },
    works: endings.flatMap { ending in
      [
        Work(name: "write .\(ending)") { size, folder in
          let checkpoint = smallTensors(size)
          return Task { try checkpoint.write(to: folder + "/again." + ending) }
        },
        Work(name: "read .\(ending)") { _, folder in
          Task { _ = try Checkpoint.read(from: folder + "/tensors." + ending) }
        },
        .command("verify .\(ending)", ["verify", "DIR/tensors." + ending]),
      ]
    } + [
      .command("inspect .h5", ["inspect", "DIR/tensors.h5", "--json"]),
      .command("diff .h5 .safetensors", ["diff", "DIR/tensors.h5", "DIR/tensors.safetensors"]),
    ])

  private static let endings = ["h5", "safetensors", "pth"]

  private static func smallTensors(_ count: Int) -> Checkpoint {
    var checkpoint = Checkpoint()
    for number in 0..<count {
      let values = (0..<16).map { Float(number &* 16 &+ $0) }
      checkpoint.set(StoredArray(values, shape: [4, 4]), at: "layer\(number / 10).part\(number % 10)")
    }
    return checkpoint
  }

  /// Checkpoints of few large tensors.
  static let bytes = GrowthAxis(
    name: "bytes", items: "bytes", summary: "Checkpoints of 16 tensors that have as many bytes together.",
    sizes: series(from: 100_000, to: 10_000_000_000),
    works: [
      Work(name: "write .h5") { size, folder in
        var checkpoint = Checkpoint()
        for number in 0..<16 {
          let count = max(1, size / 64)
          // Zeros take no memory.
          guard
            let array = StoredArray(
              dtype: .float32, shape: [count], bytes: ByteRegion(zeroed: 4 * count) { _ in })
          else { continue }
          checkpoint.set(array, at: "part\(number)")
        }
        return Task { try checkpoint.write(to: folder + "/bytes.h5") }
      },
      Work(name: "read .h5, mapped") { _, folder in
        Task { _ = try Checkpoint.read(from: folder + "/bytes.h5") }
      },
      Work(name: "read .h5, every number") { _, folder in
        Task { for entry in try Checkpoint.read(from: folder + "/bytes.h5").entries { _ = entry.array.sum() } }
      },
      .command("verify .h5", ["verify", "DIR/bytes.h5"]),
      .command(
        "convert to .safetensors", most: 1_000_000_000,
        ["convert", "DIR/bytes.h5", "DIR/bytes.safetensors", "--force"]),
      .command(
        "diff .h5 .safetensors", most: 1_000_000_000, ["diff", "DIR/bytes.h5", "DIR/bytes.safetensors"]),
    ])
}
