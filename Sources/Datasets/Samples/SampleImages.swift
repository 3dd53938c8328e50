import AviaryArchives
import AviaryKernels

/// Draws a small data set of cats and dogs, for trying the package without photographs.
///
/// Every picture depends on the seed and its number only. Coats, backgrounds, light and noise are of the same kinds for
/// both classes; what tells them apart is what tells cats from dogs: ears, muzzle, eyes, whiskers, tail.
public enum SampleImages {
  /// What was written where.
  public struct Summary: Sendable, Equatable {
    /// Where they lie.
    public let folder: String
    /// The names of the classes.
    public let classes: [String]
    /// The number of images for training.
    public let trainingImages: Int
    /// The number of images for the test.
    public let testImages: Int
  }

  /// One picture: even numbers are cats, odd ones dogs.
  public static func draw(number: Int, seed: UInt64, side: Int) -> (image: DecodedImage, label: String) {
    let kind: Animal.Kind = number % 2 == 0 ? .cat : .dog
    var random = RandomStream(seed: seed, purpose: "sample image", step: UInt64(number))
    return (Scene.draw(kind, side: side, using: &random), kind.rawValue)
  }

  /// Writes `count` pictures as JPEG to `DIR/train/{cat,dog}` and every fifth of each class to `DIR/test/{cat,dog}`.
  ///
  /// - Parameters:
  ///   - path: a folder that does not exist yet or is empty.
  ///   - count: 20 or more, so that both parts have both classes.
  ///   - imageSize: the length of the sides in pixels, 32 to 1024.
  public static func write(
    to path: String, count: Int = 200, seed: UInt64 = 0, imageSize: Int = 160
  ) throws(SampleImagesFault) -> Summary {
    guard (20...100_000).contains(count) else { throw .count(count) }
    guard (32...1024).contains(imageSize) else { throw .imageSize(imageSize) }
    if let names = try? FileSystem.names(in: path), !names.isEmpty {
      throw .notEmpty(path: path)
    }
    let classes = Animal.Kind.allCases.map(\.rawValue)
    do {
      for part in ["train", "test"] {
        for name in classes {
          try FileSystem.createFolder("\(path)/\(part)/\(name)")
        }
      }
      let digits = max(String(count / 2).count, 3)
      var tests = 0
      for number in 0..<count {
        let (image, label) = draw(number: number, seed: seed, side: imageSize)
        let isTest = number / 2 % 5 == 4
        tests += isTest ? 1 : 0
        let name = String(number / 2)
        let padded = String(repeating: "0", count: digits - name.count) + name
        let file = "\(path)/\(isTest ? "test" : "train")/\(label)/\(padded).jpg"
        try FileSystem.write(JPEGEncoder.encode(image, quality: 90), to: file)
      }
      return Summary(folder: path, classes: classes, trainingImages: count - tests, testImages: tests)
    } catch {
      throw .unwritable(path: path, reason: "\(error)")
    }
  }
}

/// Why the sample pictures were not written.
public enum SampleImagesFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// Too few for two parts of two classes, or absurdly many.
  case count(Int)
  /// The pictures would be too small to show anything, or too large for a sample.
  case imageSize(Int)
  /// There is something in the folder already, which would mix with the sample.
  case notEmpty(path: String)
  /// A folder or file could not be written.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .count(let count): "sample-images: \(count) images are not possible; ask for 20 to 100000"
    case .imageSize(let size): "sample-images: a size of \(size) pixels is out of range; ask for 32 to 1024"
    case .notEmpty(let path): "\(path): the folder is not empty; choose another, or remove it first"
    case .unwritable(let path, let reason):
      "\(path): cannot be written: \(reason.split(separator: "\n").joined(separator: " "))"
    }
  }
}
