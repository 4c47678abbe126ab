// Makes a screenshot small: a picture with a palette (PNG, colour type 3) in place of one with three bytes a point. Pages are flat
// areas and text, so that 256 colours are enough for what the eye can tell.

import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const TABLE = Uint32Array.from({ length: 256 }, (_, at) => {
  let value = at;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const crc32 = (bytes) => {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
};

const chunk = (type, data) => {
  const head = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(head.length + 8);
  framed.writeUInt32BE(data.length, 0);
  head.copy(framed, 4);
  framed.writeUInt32BE(crc32(head), framed.length - 4);
  return framed;
};

/** The points of a picture of eight bits a channel that is not interlaced. */
const read = (png) => {
  let at = SIGNATURE.length;
  let width = 0, height = 0, channels = 0;
  const packed = [];
  while (at < png.length) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") {
      [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      channels = { 2: 3, 6: 4 }[data[9]];
      if (data[8] !== 8 || !channels || data[12] !== 0) throw new Error("a picture of another kind");
    }
    if (type === "IDAT") packed.push(data);
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(packed));
  const stride = width * channels;
  const points = Buffer.alloc(stride * height);
  const nearest = (left, up, corner) => {
    const guess = left + up - corner;
    const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
    if (a <= b && a <= c) return left;
    return b <= c ? up : corner;
  };
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x >= channels ? points[y * stride + x - channels] : 0;
      const up = y > 0 ? points[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? points[(y - 1) * stride + x - channels] : 0;
      const base = [0, left, up, (left + up) >> 1, nearest(left, up, corner)][filter];
      points[y * stride + x] = (raw[y * (stride + 1) + 1 + x] + base) & 0xff;
    }
  }
  return { width, height, channels, points };
};

/** Colours of a palette. */
const COLOURS = 256;

const distance = (a, b) => [16, 8, 0].reduce((sum, bits) => sum + (((a >> bits) & 0xff) - ((b >> bits) & 0xff)) ** 2, 0);

/** The same picture with a palette: of the colours that it has most of, and each other as the nearest of these. */
export const small = (png) => {
  const { width, height, channels, points } = read(png);
  const colour = (at) => (points[at] << 16) | (points[at + 1] << 8) | points[at + 2];
  const counts = new Map();
  for (let at = 0; at < points.length; at += channels) counts.set(colour(at), (counts.get(colour(at)) ?? 0) + 1);
  const palette = [...counts].sort(([a, many], [b, more]) => more - many || a - b).slice(0, COLOURS).map(([one]) => one);
  const places = new Map(palette.map((one, at) => [one, at]));
  const place = (one) => {
    if (!places.has(one)) {
      const nearest = palette.reduce((best, other, at) => (distance(one, other) < distance(one, palette[best]) ? at : best), 0);
      places.set(one, nearest);
    }
    return places.get(one);
  };
  const indices = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) indices[y * (width + 1) + 1 + x] = place(colour((y * width + x) * channels));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((one) => [one >> 16, (one >> 8) & 0xff, one & 0xff]));
  return Buffer.concat([
    SIGNATURE, chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", deflateSync(indices, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
};
