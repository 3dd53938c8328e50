import AviaryDiagnostics

/// What is worth knowing of images before a network learns from them: how many there are of each class, their sizes, those
/// that cannot be read, and those that are there twice, above all in training and test.
public struct ImageDescription: Sendable {
  /// A part of the data: training, validation or test.
  public struct Part: Sendable {
    /// nil where the data have no parts.
    public let name: String?
    /// Of each class, in the order of the classes.
    public let counts: [Int]
    /// The number of its images.
    public var images: Int { counts.reduce(0, +) }
  }

  /// An image that cannot be read.
  public struct Damage: Sendable {
    /// Its path.
    public let path: String
    /// What is wrong with it.
    public let reason: String
  }

  /// Images that look the same, some of which may have the same pixels.
  public struct Twins: Sendable {
    /// One of the copies.
    public struct Member: Sendable, Equatable {
      /// Its path.
      public let path: String
      /// The place in `parts`.
      public let part: Int
      /// The place in `classes`.
      public let label: Int
      /// The same for all members of the group that have the same pixels.
      public let picture: Int
    }

    /// The copies.
    public let members: [Member]
    /// How many members differ in their pixels.
    public var pictures: Int { Set(members.map(\.picture)).count }
    /// Whether all have the same pixels, and do not only look alike.
    public var isExact: Bool { pictures == 1 }
    /// The members that have the same pixels as others of them: a group for each picture, those in more than one part first.
    public var copies: [Twins] {
      let groups = Dictionary(grouping: members, by: \.picture).sorted { $0.key < $1.key }
        .filter { $0.value.count > 1 }.map { Twins(members: $0.value) }
      return groups.filter(\.isLeak) + groups.filter { !$0.isLeak }
    }
    /// Whether they are in more than one part: what is tested has been trained on.
    public var isLeak: Bool { members.contains { $0.part != members[0].part } }
    /// Whether they are of more than one class.
    public var isContradiction: Bool { members.contains { $0.label != members[0].label } }
  }

  /// The least, the median and the largest of a length.
  public struct Lengths: Sendable, Equatable {
    /// The smallest.
    public let least: Int
    /// The one in the middle.
    public let median: Int
    /// The largest.
    public let most: Int

    init?(_ lengths: [Int]) {
      let sorted = lengths.sorted()
      guard let first = sorted.first, let last = sorted.last else { return nil }
      (least, median, most) = (first, sorted[(sorted.count - 1) / 2], last)
    }
  }

  /// The names of the classes.
  public let classes: [String]
  /// The parts that there are.
  public let parts: [Part]
  /// Images that cannot be read.
  public let damage: [Damage]
  /// Images that are there several times.
  public let twins: [Twins]
  /// nil where no image can be read.
  public let widths: Lengths?
  /// Heights in pixels; nil without images.
  public let heights: Lengths?
  /// The most frequent sizes, at most five, and how many images have each.
  public let sizes: [(size: ImageSize, count: Int)]
  /// How many different sizes there are.
  public let sizeCount: Int

  /// Reads every image.
  ///
  /// - Parameters:
  ///   - parts: with their names, and the same classes.
  ///   - workers: the threads that decode.
  ///   - progress: is told how many images are done.
  public init(
    _ parts: [(name: String?, folder: ImageFolder)], workers: Int = 1, progress: (Int) -> Void = { _ in }
  ) {
    ensure(!parts.isEmpty, "ImageDescription: no parts")
    classes = parts[0].folder.classes
    self.parts = parts.map { Part(name: $0.name, counts: $0.folder.counts) }
    let entries = parts.flatMap(\.folder.entries)
    let owners = parts.enumerated().flatMap { number, part in part.folder.entries.map { _ in number } }
    var finder = TwinFinder()
    var damage: [Damage] = []
    var counts: [ImageSize: Int] = [:]
    var (widths, heights): ([Int], [Int]) = ([], [])
    var done = 0
    for batch in DataLoader(Prints(entries: entries), batchSize: 64, workers: workers) {
      for result in batch {
        switch result {
        case .success(let print):
          finder.add(done, print)
          counts[ImageSize(height: print.height, width: print.width), default: 0] += 1
          widths.append(print.width)
          heights.append(print.height)
        case .failure(let fault): damage.append(Damage(path: entries[done].path, reason: "\(fault)"))
        }
        done += 1
      }
      progress(done)
    }
    self.damage = damage
    self.widths = Lengths(widths)
    self.heights = Lengths(heights)
    sizeCount = counts.count
    sizes = counts.sorted { ($1.value, $0.key.height, $0.key.width) < ($0.value, $1.key.height, $1.key.width) }
      .prefix(5).map { ($0.key, $0.value) }
    twins = finder.groups().map { group in
      Twins(
        members: group.map { place, original in
          .init(path: entries[place].path, part: owners[place], label: entries[place].label, picture: original)
        })
    }
  }

  private struct Prints: Dataset {
    let entries: [ImageEntry]
    var count: Int { entries.count }

    func item(at place: Int, epoch: Int) -> Result<ImagePrint, ImageDecodingFault> {
      Result { () throws(ImageDecodingFault) in ImagePrint(try entries[place].decoded()) }
    }

    func batch(of items: [Result<ImagePrint, ImageDecodingFault>]) -> [Result<ImagePrint, ImageDecodingFault>] { items }
  }
}
