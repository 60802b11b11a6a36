// A library that connects again by itself: its name, port, user and secret. Prints the names of the events until two channels have ended.
const [library, port, user, secret] = process.argv.slice(2);
const seen = [];

function fail(what) { console.error(what, JSON.stringify(seen)); process.exit(1); }
setTimeout(() => fail('it took too long'), 80000);

function told(name) {
  seen.push(name);
  if (seen.filter((one) => one === 'Hangup').length === 2) {
    console.log(seen.join(' '));
    process.exit(0);
  }
}

if (library === 'asterisk-manager') {
  const ami = new (require(library))(Number(port), '127.0.0.1', user, secret, true);
  ami.keepConnected();
  ami.on('managerevent', (event) => told(event.event));
} else {
  const ami = new (require(library))({ reconnect: true, maxAttemptsCount: 200, attemptsDelay: 200 });
  ami.on('event', (event) => told(event.Event));
  ami.connect(user, secret, { host: '127.0.0.1', port: Number(port) }).catch((error) => fail(String(error)));
}
